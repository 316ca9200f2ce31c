/**
 * The operations that this server performs. Query answers from this list.
 *
 * @module
 */
import type { OperationName } from '../../protocol/index.ts'
import { activate } from './activate.ts'
import { addAttribute } from './add-attribute.ts'
import { adjustAttribute } from './adjust-attribute.ts'
import { check } from './check.ts'
import { create } from './create.ts'
import { deleteAttribute } from './delete-attribute.ts'
import { destroy } from './destroy.ts'
import { discoverVersions } from './discover-versions.ts'
import { get } from './get.ts'
import { getAttributeList } from './get-attribute-list.ts'
import { getAttributes } from './get-attributes.ts'
import type { Handler } from './handle.ts'
import { interop } from './interop.ts'
import { locate } from './locate.ts'
import { log } from './log.ts'
import { modifyAttribute } from './modify-attribute.ts'
import { query } from './query.ts'
import { register } from './register.ts'
import { revoke } from './revoke.ts'
import { setAttribute } from './set-attribute.ts'

const list: readonly Handler[] = [
  activate,
  addAttribute,
  adjustAttribute,
  check,
  create,
  deleteAttribute,
  destroy,
  discoverVersions,
  get,
  getAttributeList,
  getAttributes,
  interop,
  locate,
  log,
  modifyAttribute,
  query,
  register,
  revoke,
  setAttribute,
]

export const handlers: ReadonlyMap<OperationName, Handler> = new Map(
  list.map(handler => [handler.operation.name, handler]),
)
