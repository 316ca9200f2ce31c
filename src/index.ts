/**
 * kmipd as a package: start a server, talk to one.
 *
 * @module
 */
export { type Client, type ClientOptions, connect, ConnectionError, KmipError } from './client.ts'
export { type RunningServer, type ServerOptions, startServer } from './server.ts'
export * from '../protocol/index.ts'
