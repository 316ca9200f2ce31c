import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { type Fields, type ItemFields, type LogOptions, openLog } from '../../src/log.ts'

const folder = mkdtempSync(join(tmpdir(), 'log-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const newFile = (): string => join(folder, `${files++}.log`)

type Line = Readonly<Record<string, unknown>>

const linesOf = (file: string): Line[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Line)

const item: ItemFields = {
  client: 'cluster-1',
  group: 'arrays',
  operation: 'Get',
  uniqueIdentifier: '0196f5a2-6c3b-7c7e-9d6e-2f1a3b4c5d6e',
  result: 'Success',
  durationMs: 1.25,
  correlation: '1a2b3c4d',
}

describe('lines', () => {
  it('are JSON with level, time, fields and words', async () => {
    const file = newFile()
    const log = await openLog({ file })
    log.warn({ address: '192.0.2.1', port: 1234, resumed: false }, 'connection refused')
    await log.close()
    const [line] = linesOf(file)
    expect(line).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
      address: '192.0.2.1',
      port: 1234,
      resumed: false,
      msg: 'connection refused',
    })
  })

  it('leave out what is below the level', async () => {
    const file = newFile()
    const log = await openLog({ file, level: 'warn' })
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]({}, level)
    log.item(item)
    await log.close()
    expect(linesOf(file).map(({ msg }) => msg)).toEqual(['warn', 'error'])
  })

  it('tell of an item who did what, to which object, and how it went', async () => {
    const file = newFile()
    const log = await openLog({ file })
    log.item(item)
    log.item({ ...item, result: 'OperationFailed', reason: 'ItemNotFound', message: 'no such object' })
    await log.close()
    const [success, failure] = linesOf(file)
    expect(success).toMatchObject({ ...item, level: 'info', msg: 'item' })
    expect(failure).toMatchObject({ result: 'OperationFailed', reason: 'ItemNotFound', message: 'no such object' })
  })

  it('tell of an error its name, code, words, stack and causes', async () => {
    const file = newFile()
    const log = await openLog({ file })
    const cause = Object.assign(new Error('no space'), { code: 'ENOSPC', key: 'secret' })
    log.error({ error: new TypeError('broken', { cause }) }, 'internal error')
    await log.close()
    expect(linesOf(file)[0]).toMatchObject({
      error: {
        name: 'TypeError',
        message: 'broken',
        stack: expect.stringContaining('log.test.ts') as unknown,
        cause: { name: 'Error', code: 'ENOSPC', message: 'no space' },
      },
    })
    expect(readFileSync(file, 'utf8')).not.toContain('secret')
  })
})

describe('secrets', () => {
  const secret = 'c0ffee'
  const bytes = Buffer.from(secret, 'hex')
  const forms = [secret, bytes.toString('base64'), [...bytes].join(','), JSON.stringify(bytes)]
  const holders: readonly unknown[] = [
    bytes,
    new Uint8Array(bytes),
    { keyMaterial: secret },
    [secret],
    new Map([['key', secret]]),
    Object.assign(() => secret, { secret }),
    { toJSON: () => secret, toString: () => secret },
    BigInt(`0x${secret}`),
    Symbol(secret),
  ]
  const names = ['key', 'keyMaterial', 'password', 'request', 'payload', '__proto__', 'constructor', 'level', 'msg']

  it('do not come out of fields that are not listed, nor of values that are not plain', async () => {
    const file = newFile()
    const log = await openLog({ file, level: 'debug' })
    const unlisted = Object.fromEntries(names.map(name => [name, secret])) as Fields
    log.info(unlisted, 'unlisted')
    log.item({ ...unlisted, ...item })
    const listed = ['subject', 'note', 'port', 'resumed', 'reason', 'uniqueIdentifier', 'message', 'error'] as const
    for (const name of listed) for (const value of holders) log.info({ [name]: value }, 'not plain')
    await log.close()
    const text = readFileSync(file, 'utf8')
    for (const form of forms) expect(text).not.toContain(form)
    expect(linesOf(file)).toHaveLength(2 + listed.length * holders.length)
    expect(linesOf(file)[0]).toMatchObject({ level: 'info', msg: 'unlisted' })
  })

  it('and what a client sends cannot flood or forge a line', async () => {
    const file = newFile()
    const log = await openLog({ file })
    log.info({ note: 'x'.repeat(1_000_000) }, 'long')
    log.item({ ...item, client: 'a\n{"level":"info","msg":"forged"}' })
    await log.close()
    expect(linesOf(file).map(({ msg }) => msg)).toEqual(['long', 'item'])
    expect(statSync(file).size).toBeLessThan(3000)
  })
})

describe('the file', () => {
  const patiently = { timeout: 60_000, interval: 10 }

  it('is not for everybody to read', async () => {
    const file = newFile()
    await (await openLog({ file })).close()
    expect(statSync(file).mode & 0o007).toBe(0)
  })

  it('has a line soon, without being asked', async () => {
    const file = newFile()
    const log = await openLog({ file })
    log.info({}, 'here')
    expect(linesOf(file)).toEqual([])
    await expect.poll(() => linesOf(file), patiently).toHaveLength(1)
    await log.close()
  })

  it('has every line at once when flushed', async () => {
    const file = newFile()
    const log = await openLog({ file })
    for (let count = 0; count < 1000; count++) log.item(item)
    log.flush()
    expect(linesOf(file)).toHaveLength(1000)
    await log.close()
  })

  it('can be moved away, and loses nothing', async () => {
    const file = newFile()
    const log = await openLog({ file })
    for (let count = 0; count < 500; count++) log.item({ ...item, correlation: String(count) })
    renameSync(file, `${file}.1`)
    log.reopen()
    for (let count = 500; count < 1000; count++) log.item({ ...item, correlation: String(count) })
    await expect.poll(() => existsSync(file) && linesOf(file).length > 0, patiently).toBe(true)
    await log.close()
    const all = [...linesOf(`${file}.1`), ...linesOf(file)].map(({ correlation }) => Number(correlation))
    expect(all).toEqual(Array.from({ length: 1000 }, (_, index) => index))
    expect(linesOf(file).length).toBeGreaterThan(0)
  })

  it('is appended to', async () => {
    const file = newFile()
    for (const words of ['one', 'two']) {
      const log = await openLog({ file })
      log.info({}, words)
      await log.close()
    }
    expect(linesOf(file).map(({ msg }) => msg)).toEqual(['one', 'two'])
  })

  it('must be possible', async () => {
    await expect(openLog({ file: join(folder, 'missing', 'kmipd.log') })).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('standard error', () => {
  const log = fileURLToPath(new URL('../../src/log.ts', import.meta.url))
  const told = (options: LogOptions, rest: string): Promise<{ stdout: string; stderr: string }> => {
    const program = `import { openLog } from ${JSON.stringify(log)}
      const log = await openLog(${JSON.stringify(options)})
      log.warn({ address: '192.0.2.1', reason: 'not in the register', error: new Error('broken') }, 'connection refused')
      ${rest}`
    const argument = ['--import', 'tsx', '--input-type=module', '--eval', program]
    return promisify(execFile)(process.execPath, argument)
  }

  it.each([
    { how: 'closes the log', rest: 'await log.close()' },
    { how: 'does not', rest: '' },
    { how: 'exits', rest: 'process.exit(0)' },
  ])('has every line of a process that $how', async ({ rest }) => {
    const { stdout, stderr } = await told({}, rest)
    expect(stdout).toBe('')
    expect(JSON.parse(stderr)).toMatchObject({ level: 'warn', msg: 'connection refused' })
  })

  it('has no more to say of a file that cannot be opened than who wanted it open', async () => {
    const { stderr } = await told({}, `await openLog({ file: '/nonexistent/kmipd.log' }).catch(() => log.close())`)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it('is for people where people look on', async () => {
    const { stderr } = await told({ pretty: true }, 'await log.close()')
    const [first, second] = stderr.split('\n')
    expect(first).toMatch(/^[\d:.]{12} warn {2}connection refused address=192\.0\.2\.1 reason="not in the register"$/)
    expect(second).toBe('Error: broken')
  })
})
