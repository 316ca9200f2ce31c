/**
 * The program with the one command that serves: it starts without the code of the others.
 *
 * @module
 */
import { run } from './run.ts'
import { addServe } from './serve.ts'

void run([addServe], process.argv)
