/**
 * Finds the driver's compiled part for the bundled program, in which the driver itself no longer lies beside it. Put in the
 * place of `node-gyp-build-optional-packages` when the program is bundled (`package.json`).
 *
 * @module
 */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

const driverPath = createRequire(import.meta.url).resolve('lmdb')
const load = createRequire(driverPath)('node-gyp-build-optional-packages') as (folder: string) => unknown

export default (): unknown => load(dirname(dirname(driverPath)))
