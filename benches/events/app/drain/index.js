// Reads the body of every record, and returns nothing.
'use strict';

exports.handler = async (event) => {
  let length = 0;
  for (const record of event.Records) {
    length += record.body.length;
  }
  if (length === 0) {
    throw new Error('the records have no bodies');
  }
};
