/**
 * How fast the server is, and how small: `npm run bench`, with `-- --json` for machines.
 *
 * Machines differ and are busy, so most figures are ratios: kmipd and a bare TLS server of Node.js (`bare.ts`) do the same
 * work in turn, several rounds of it, and the medians are compared. Every server is a process of its own, and its CPU time
 * alone is counted.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BareOptions } from './bare.ts'
import type { Job, Result } from './load.ts'
import { nodeMs, residentMiB, type Server, startBare, startClients, startKmipd } from './processes.ts'
import { asJson, asTable, median, type Row } from './report.ts'
import { getOf, locateAll, locateOf } from './requests.ts'
import { nameOf, seed, type Seeded } from './seed.ts'

const rounds = 5
const roundMs = 1000
/** What is compiled only once it is known to be hot takes this long to be so, on either side. */
const warmUpMs = 5000
const many = 100_000
const some = 10_000
/** Objects that are asked for in turn. */
const asked = 1000

const tell = (words: string): void => void process.stderr.write(`${words}\n`)

const cpuPerMessage = ({ cpuSeconds, messages }: Result): number => (1e6 * cpuSeconds) / messages
const rate = ({ messages, seconds }: Result): number => messages / seconds

/** Something that is measured: a job for the clients, and the figure of its result. */
type Task = Omit<Job, 'ms'>
type Figure = (result: Result) => number

const clients = startClients()
const neighbour = startClients()
const closing: (() => Promise<void>)[] = [clients.close, neighbour.close]

const run = (task: Task, ms = roundMs): Promise<Result> => clients.run({ ...task, ms })

/** Both in turn, round by round. */
async function compare(figure: Figure, one: Task, two: Task): Promise<Pick<Row, 'kmipd' | 'other'>> {
  const tasks = [one, two]
  const figures: number[][] = [[], []]
  for (const task of tasks) await run(task, warmUpMs)
  for (let round = 0; round < rounds; round++)
    for (const [index, task] of tasks.entries()) figures[index]?.push(figure(await run(task)))
  return { kmipd: median(figures[0] ?? []), other: median(figures[1] ?? []) }
}

const base64 = (request: Uint8Array): string => Buffer.from(request).toString('base64')

async function messages(folder: string, { data, ids, client, server: credentials }: Seeded): Promise<Row[]> {
  const kmipd = await startKmipd(data)
  closing.push(kmipd.close)
  const places = Array.from({ length: asked }, (_, index) => Math.floor((index * ids.length) / asked))
  const gets = places.map(place => base64(getOf(ids[place] ?? '')))
  const locates = places.map(place => base64(locateOf(nameOf(place))))
  const on = ({ pid, port }: Server, task: Partial<Task> = {}): Task => ({
    pid,
    port,
    client,
    connections: 8,
    requests: gets,
    ...task,
  })
  const { requests, ...creating } = on(kmipd)
  const bareAnswering = async (task: Task, journal?: string): Promise<Server> => {
    const { answerBytes } = await run({ ...task, connections: 1 }, 1)
    const { certificate, key } = credentials
    const options: BareOptions = { certificate, key, clientCa: [client.ca], answerBytes }
    const server = await startBare(journal === undefined ? options : { ...options, journal })
    closing.push(server.close)
    return server
  }
  const bare = await bareAnswering(on(kmipd))
  const durable = await bareAnswering(creating, join(folder, 'journal'))
  const cpu = 'µs CPU'

  tell('Get')
  const rows: Row[] = [
    {
      measure: 'Get, 8 connections; to bare server',
      unit: cpu,
      ...(await compare(cpuPerMessage, on(kmipd), on(bare))),
      target: { atMost: 2 },
    },
    {
      measure: 'Get, 1 connection; to bare server',
      unit: '1/s',
      ...(await compare(rate, on(kmipd, { connections: 1 }), on(bare, { connections: 1 }))),
      target: { atLeast: 0.5 },
    },
  ]
  for (const handshake of ['full', 'resumed'] as const) {
    tell(`connection, ${handshake}`)
    rows.push({
      measure: `connection, ${handshake}, and Get; to bare server`,
      unit: cpu,
      ...(await compare(cpuPerMessage, on(kmipd, { handshake }), on(bare, { handshake }))),
      // A boot storm is of new connections: of resumed ones it is asked that they are.
      ...(handshake === 'full' ? { target: { atMost: 1.2 } } : {}),
    })
  }
  const { messages, resumed } = await run(on(kmipd, { handshake: 'resumed' }), warmUpMs)
  rows.push({
    measure: 'sessions resumed, of those offered',
    unit: '',
    kmipd: resumed / messages,
    target: { atLeast: 1 },
  })

  tell('Create')
  rows.push({
    measure: 'durable Create, 8 connections; to bare append + fdatasync',
    unit: '1/s',
    ...(await compare(rate, creating, { ...creating, pid: durable.pid, port: durable.port })),
    target: { atLeast: 1 },
  })

  tell('Locate')
  rows.push({
    measure: `Locate by Name among ${ids.length}; to Get`,
    unit: cpu,
    ...(await compare(cpuPerMessage, on(kmipd, { requests: locates }), on(kmipd))),
    target: { atMost: 2 },
  })
  const alone = { connections: 1 }
  const longest = await longestBeside(base64(locateAll()), on(kmipd, alone), on(bare, alone))
  rows.push({
    measure: `longest Get while a neighbour locates all ${ids.length}; bare server beside it`,
    unit: 'ms',
    ...longest,
    isAbsolute: true,
    target: { atMost: 20 },
  })
  return rows
}

/** The longest answers of kmipd and of the bare server in all rounds, while kmipd answers what is heavy. */
async function longestBeside(heavy: string, one: Task, two: Task): Promise<Pick<Row, 'kmipd' | 'other'>> {
  const kmipd: number[] = []
  const other: number[] = []
  const beside = neighbour.run({ ...one, requests: [heavy], ms: 2 * rounds * roundMs })
  for (let round = 0; round < rounds; round++) {
    kmipd.push((await run(one)).maxMs)
    other.push((await run(two)).maxMs)
  }
  await beside
  return { kmipd: Math.max(...kmipd), other: Math.max(...other) }
}

async function start({ data, ids, client }: Seeded): Promise<Row[]> {
  tell('start')
  const starts: number[] = []
  const ofNode: number[] = []
  const started: number[] = []
  const worked: number[] = []
  const requests = ids.map(id => base64(getOf(id)))
  for (let round = 0; round < rounds; round++) {
    const server = await startKmipd(data)
    starts.push(server.startMs)
    ofNode.push(await nodeMs())
    started.push(residentMiB(server.pid).all)
    await run({ pid: server.pid, port: server.port, client, connections: 8, requests }, 2 * roundMs)
    const { all, database } = residentMiB(server.pid)
    worked.push(all - database)
    await server.close()
  }
  const memory = { unit: 'MiB', target: { atMost: 100 } }
  return [
    {
      measure: `start with ${ids.length} objects; of Node.js alone`,
      unit: 'ms',
      kmipd: median(starts),
      other: median(ofNode),
      isAbsolute: true,
      target: { atMost: 300 },
    },
    { measure: `resident memory with ${ids.length} objects, started`, kmipd: median(started), ...memory },
    { measure: '  after Gets of them, but for the mapped database', kmipd: median(worked), ...memory },
  ]
}

const folder = await mkdtemp(join(tmpdir(), 'kmipd-bench-'))
try {
  tell('seeding')
  const large = await seed(join(folder, 'large'), many)
  const small = await seed(join(folder, 'small'), some)
  const rows = [...(await messages(folder, large)), ...(await start(small))]
  process.stdout.write(`${process.argv.includes('--json') ? asJson(rows) : asTable(rows)}\n`)
} finally {
  for (const close of closing.reverse()) await close()
  await rm(folder, { recursive: true, force: true })
}
