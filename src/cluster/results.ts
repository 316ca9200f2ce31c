/**
 * Results of asynchronous methods.
 *
 * @module
 */
import { type Context, isoTime } from './context.ts'
import { ElementError } from './failure.ts'
import type { AsyncResult, ClusterState, Frozen } from './shapes.ts'

/** @returns the handle */
export function begin(context: Context, draft: ClusterState, resultType: string, details?: unknown): number {
  const asyncHandle = ++draft.lastID.async
  const time = isoTime(context)
  draft.results.push({ asyncHandle, resultType, status: 'running', createTime: time, lastUpdateTime: time, details })
  return asyncHandle
}

/** A result that was purged already stays so. */
export function update(
  context: Context,
  draft: ClusterState,
  asyncHandle: number,
  change: Pick<AsyncResult, 'details' | 'result' | 'error'> & { readonly status?: AsyncResult['status'] },
): void {
  const result = draft.results.find(each => each.asyncHandle === asyncHandle)
  if (result !== undefined) Object.assign(result, change, { lastUpdateTime: isoTime(context) })
}

/** As GetAsyncResult tells it; a complete one is purged, unless it is kept. @throws ElementError */
export async function takeResult(context: Context, asyncHandle: number, keepResult: boolean): Promise<unknown> {
  const { memory } = context
  const found = memory.state.results.find(each => each.asyncHandle === asyncHandle)
  if (found === undefined)
    throw new ElementError('xAsyncHandleDoesNotExist', `there is no result with asyncHandle=${asyncHandle}`)
  if (found.status === 'complete' && !keepResult)
    await memory.change(draft => {
      draft.results = draft.results.filter(each => each.asyncHandle !== asyncHandle)
      if (draft.software.rekeyAsyncID === asyncHandle) delete draft.software.rekeyAsyncID
    })
  return viewOf(found)
}

function viewOf({
  status,
  resultType,
  createTime,
  lastUpdateTime,
  details,
  result,
  error,
}: Frozen<AsyncResult>): unknown {
  return {
    status,
    resultType,
    createTime,
    lastUpdateTime,
    ...(details === undefined ? {} : { details }),
    ...(result === undefined ? {} : { result }),
    ...(error === undefined ? {} : { error }),
  }
}
