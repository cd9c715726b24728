export * from './constants.js';
export * from './contract.js';
export * from './errors.js';
export * from './jetstream-uri.js';
export * from './method.js';
export * from './path-text.js';
export * from './rpc.js';
export * from './structures.js';
