exports.handler = async () => 'commonjs by extension';
