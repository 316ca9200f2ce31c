/**
 * `kmipd support-bundle`: what somebody needs who helps, into a file or to a server.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { dataFolder } from '../data-folder.ts'
import { release } from '../release.ts'
import { supportBundle } from '../support-bundle.ts'
import { upload } from '../support-bundle/upload.ts'
import { addCommand, dataOf, screenOf, several, wholeNumber } from './command.ts'
import { diagnosed } from './diagnosed.ts'
import { CommandError } from './endings.ts'
import { privateMode, refuseUnwritable, writeNewFile } from './new-file.ts'
import { progress } from './progress.ts'
import { printable, type Screen } from './screen.ts'

interface BundleOptions {
  readonly out?: string
  readonly to?: URL
  readonly method: 'PUT' | 'POST'
  readonly ca?: string
  readonly insecure?: boolean
  readonly header?: readonly string[]
  readonly logLines: number
  readonly timeout: number
}

export function addSupportBundle(program: Command): void {
  addCommand(program, 'support-bundle', {
    summary: 'gather what somebody needs who helps: one JSON file, without any key',
    description:
      'Versions, settings, certificates, the list of files, the last warnings and errors of the log file, and whether every\nrecord opens. No key material, no token, no passphrase; names of clients and objects stand in it where the log has them.\nRead it before you send it. It goes to a new file (mode 0600), or with --to to a server.',
    examples: [
      ['support-bundle', 'into a file in this folder'],
      ['support-bundle --out - | less', 'to standard output'],
      ['support-bundle --to https://support.example.org/cases/4711/ --ca cacert.pem', 'to a server, by PUT'],
      [
        'support-bundle --to https://support.example.org/in --method POST --header @auth.txt',
        'by POST, with what is in the file as headers',
      ],
    ],
  })
    .addOption(new Option('--out <file>', 'new file; default kmipd-support-TIME.json').conflicts('to'))
    .option('--to <url>', 'https: URL to send it to; one that ends in / gets the name of the file', url)
    .addOption(new Option('--method <method>', 'how to send it').choices(['PUT', 'POST']).default('PUT'))
    .option('--ca <file>', 'PEM: the authorities that are trusted, such as cacert.pem; default: the public ones')
    .option('--insecure', 'send it to whoever answers, without verifying who that is')
    .option('--header <header>', "'NAME: VALUE', or @FILE with one a line; repeatable", several)
    .option('--log-lines <count>', 'warnings and errors of the log', wholeNumber(0, 100_000), 500)
    .option('--timeout <seconds>', 'without a byte from the server', wholeNumber(1, 3600), 60)
    .action((options: BundleOptions, command: Command) => bundle(options, command))
}

function url(text: string): URL {
  if (!URL.canParse(text)) throw new InvalidArgumentError('A URL is wanted.')
  const parsed = new URL(text)
  if (parsed.protocol !== 'https:') throw new InvalidArgumentError('A URL that begins with https: is wanted.')
  return parsed
}

async function bundle(options: BundleOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const now = new Date()
  const name = `kmipd-support-${now.toISOString().replace(/[-:]|\.\d+/g, '')}.json`
  const { out = name, to } = options
  if (to === undefined && out !== '-') refuseUnwritable(out)
  const data = dataOf(command)
  if (!existsSync(dataFolder(data).store))
    screen.shout(`${data} is no data folder of kmipd: the bundle tells of this machine alone; give --data`)
  const headers = await headersOf(options.header ?? [])
  const checking = progress(screen)
  const made = await supportBundle({
    data,
    environment: process.env,
    release: release(),
    now,
    logLines: options.logLines,
    onProgress: count => checking.tell(`${count.toLocaleString('en')} records opened`),
  })
  checking.end()
  const content = `${JSON.stringify(made, null, 2)}\n`
  if (to !== undefined) await send(content, { ...options, to: named(to, name, options.method) }, headers, screen)
  else if (out === '-') process.stdout.write(content)
  else {
    await writeNewFile(out, content, privateMode)
    const file = resolve(out)
    screen.show({ file, bytes: Buffer.byteLength(content) }, () =>
      screen.pairs([
        ['Support bundle', `${file} (mode 0600, ${kilobytes(content)})`],
        ['What to do', 'read it, then send it to whoever helps'],
      ]),
    )
  }
}

const kilobytes = (content: string): string => `${Math.ceil(Buffer.byteLength(content) / 1024)} KiB`

/** A folder gets a file, as with curl. */
const named = (to: URL, name: string, method: string): URL =>
  method === 'PUT' && to.pathname.endsWith('/') ? new URL(`${name}${to.search}`, to) : to

/** A header's value may be a secret, which belongs into no list of processes: `@file`. */
async function headersOf(given: readonly string[]): Promise<Record<string, string>> {
  const lines = await Promise.all(
    given.map(async each => (each.startsWith('@') ? (await readFile(each.slice(1), 'utf8')).split(/\r?\n/) : [each])),
  )
  const pairs = lines.flat().filter(line => line.trim() !== '')
  return Object.fromEntries(
    pairs.map(line => {
      const { header, value } =
        /^(?<header>[\w!#$%&'*+.^`|~-]+):\s*(?<value>[\x20-\x7e]*?)\s*$/.exec(line)?.groups ?? {}
      if (header === undefined || value === undefined)
        throw new CommandError('usage', "a header is no header; write 'NAME: VALUE', or @FILE with one a line")
      return [header, value]
    }),
  )
}

async function send(
  content: string,
  { to, method, ca, insecure: isInsecure = false, timeout }: BundleOptions & { readonly to: URL },
  headers: Readonly<Record<string, string>>,
  screen: Screen,
): Promise<void> {
  if (isInsecure) screen.shout('--insecure: whoever answers gets the bundle; nobody is verified.')
  const bytes = Buffer.from(content)
  const sending = progress(screen)
  const timeoutMs = timeout * 1000
  const answer = await upload(bytes, {
    ...{ url: to, method, headers, isInsecure, timeoutMs },
    ca: ca === undefined ? undefined : await readFile(ca, 'utf8'),
    onProgress: sent => sending.tell(`${Math.floor((100 * sent) / bytes.length)} % sent`),
  }).catch(async (error: unknown) => {
    const port = to.port === '' ? 443 : Number(to.port)
    const host = to.hostname.replace(/^\[(.*)\]$/, '$1')
    throw await diagnosed(error, { host, port, ca, isInsecure, timeoutMs: Math.min(timeoutMs, 10_000) })
  })
  sending.end()
  const place = `${to.origin}${to.pathname}`
  if (answer.status < 200 || answer.status > 299)
    throw new CommandError(
      'refused',
      `${place} answers ${method} with ${answer.status}${answer.words === '' ? '' : `: ${printable(answer.words)}`}; check URL, --method and --header`,
    )
  screen.show({ url: place, method, status: answer.status, bytes: bytes.length }, () =>
    screen.pairs([
      ['Sent', `${place} (${method}, ${kilobytes(content)})`],
      ['Answer', `${answer.status} ${printable(answer.words)}`.trim()],
    ]),
  )
}
