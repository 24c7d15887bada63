'use strict';

// Finds the function that a handler string names: `folder/file.export.path`.

const fs = require('fs');
const path = require('path');
const { runtimeError } = require('./errors.cjs');

// Libraries that wrap handlers read and copy this mark, so it must be Lambda's.
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');

async function loadHandler(taskRoot, name = '') {
  if (name.includes('..')) {
    throw runtimeError(
      'MalformedHandlerName',
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const file = path.basename(name);
  const folder = name.slice(0, name.length - file.length);
  const dot = file.indexOf('.');
  if (dot < 0) throw runtimeError('MalformedHandlerName', 'Bad handler');

  const loaded = await loadModule(taskRoot, folder, file.slice(0, dot));
  const handler = file.slice(dot + 1).split('.').reduce((parent, key) => parent?.[key], loaded);
  if (!handler) throw runtimeError('HandlerNotFound', `${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw runtimeError('HandlerNotFound', `${name} is not a function`);
  if (handler[STREAMING] && !isStreaming(handler)) {
    throw runtimeError('MalformedStreamingHandler', 'Only response streaming is supported.');
  }
  return handler;
}

const isStreaming = (handler) => handler[STREAMING] === 'response';

async function loadModule(taskRoot, folder, name) {
  try {
    const file = path.resolve(taskRoot, folder, name);
    if (fs.existsSync(file)) return require(file);
    if (fs.existsSync(`${file}.js`)) {
      return isModuleScope(path.dirname(file)) ? await esm(`${file}.js`) : require(`${file}.js`);
    }
    if (fs.existsSync(`${file}.mjs`)) return await esm(`${file}.mjs`);
    if (fs.existsSync(`${file}.cjs`)) return require(`${file}.cjs`);
    // Perhaps a package, of the function or of a layer.
    return require(require.resolve(name, { paths: [taskRoot, path.resolve(taskRoot, folder)] }));
  } catch (error) {
    if (error instanceof SyntaxError) throw runtimeError('UserCodeSyntaxError', String(error), error.stack);
    // Lambda leaves the ESM loader's ERR_MODULE_NOT_FOUND as it is.
    if (error?.code === 'MODULE_NOT_FOUND') throw runtimeError('ImportModuleError', String(error));
    throw error;
  }
}

// The ESM loader costs milliseconds at its first use; only ESM handlers pay for it.
const esm = (file) => import(require('url').pathToFileURL(file).href);

/** Whether the nearest package.json makes `.js` files ES modules. */
function isModuleScope(folder) {
  if (path.basename(folder) === 'node_modules') return false;
  const manifest = path.join(folder, 'package.json');
  if (fs.existsSync(manifest)) {
    try {
      return JSON.parse(fs.readFileSync(manifest, 'utf8'))?.type === 'module';
    } catch (error) {
      console.warn(`${manifest} cannot be read, so it is ignored when looking for ES modules.`, error);
      return false;
    }
  }
  const parent = path.dirname(folder);
  return parent !== folder && isModuleScope(parent);
}

module.exports = { loadHandler, isStreaming, STREAMING };
