// Waits for longer than the bench takes, and uses no processor meanwhile.
'use strict';

exports.handler = () => new Promise((resolve) => setTimeout(resolve, 14 * 60 * 1000));
