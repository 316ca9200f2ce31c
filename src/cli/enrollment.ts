/**
 * `kmipd enrollment`: certificate requests that came in over HTTPS, and what becomes of them. Works with or without a
 * server running.
 *
 * @module
 */
import type { Command } from 'commander'
import { shell } from '../caller.ts'
import { type Enrollments, enrollmentsOf, type EnrollmentState, type Progress } from '../enrollments.ts'
import { tokensOf } from '../tokens.ts'
import { addCommand, screenOf, wholeNumber, withHouse } from './command.ts'
import { publicMode, refuseUnwritable, writeNewFile } from './new-file.ts'
import { nameIn } from './object-options.ts'
import { dayOf, printable, type Screen, until } from './screen.ts'
import { table } from './table.ts'

const states: readonly EnrollmentState[] = ['pending', 'rejected', 'approved', 'issued', 'revoked']

export function addEnrollment(program: Command): void {
  const enrollment = addCommand(program, 'enrollment', {
    summary: 'decide on certificate requests that came in over HTTPS',
    description: 'An enrollment is named by its ID.',
    examples: [
      ['enrollment list --state pending', 'what waits'],
      ['enrollment approve 01a2049c-3b0a-7000-8c46-e0fe69056d27', 'issue the certificate'],
    ],
  })

  addCommand(enrollment, 'list', {
    summary: 'list enrollments, the newest first',
    examples: [['enrollment list --state pending --json', 'what waits, as JSON']],
  })
    .option('--state <state>', states.join(', '))
    .option('--limit <count>', 'at most so many', wholeNumber(1, 1_000_000), 1000)
    .action((options: ListOptions, command: Command) => list(options, command))

  addCommand(enrollment, 'show <id>', {
    summary: 'show a request, and what became of it',
    examples: [['enrollment show 01a2049c-3b0a-7000-8c46-e0fe69056d27 --out cluster.pem', 'with its certificate']],
  })
    .option('--out <file>', 'new file for the certificate')
    .action((id: string, options: ShowOptions, command: Command) => show(id, options, command))

  addCommand(enrollment, 'approve <id>', {
    summary: 'issue the certificate',
    description:
      'Of what is pending, or was rejected. If there is a client of the name already, the new certificate shares its\nobjects.',
    examples: [['enrollment approve 01a2049c-3b0a-7000-8c46-e0fe69056d27 --days 365', 'for a year']],
  })
    .option('--group <group>', 'whose objects the client shares; default as asked for')
    .option('--days <days>', 'validity; default as asked for, else 730', wholeNumber(1, 36_500))
    .action((id: string, terms: ApproveOptions, command: Command) =>
      decide(command, enrollments => enrollments.approve(id, terms, shell)),
    )

  addCommand(enrollment, 'reject <id>', {
    summary: 'issue nothing',
    examples: [['enrollment reject 01a2049c-3b0a-7000-8c46-e0fe69056d27 --reason "who are you?"', 'with a reason']],
  })
    .option('--reason <text>', 'for whoever submitted it')
    .action((id: string, { reason }: RejectOptions, command: Command) =>
      decide(command, enrollments => enrollments.reject(id, reason, shell)),
    )
}

interface ListOptions {
  readonly state?: string
  readonly limit: number
}

interface ShowOptions {
  readonly out?: string
}

interface ApproveOptions {
  readonly group?: string
  readonly days?: number
}

interface RejectOptions {
  readonly reason?: string
}

const withEnrollments = <T>(command: Command, use: (enrollments: Enrollments) => Promise<T>): Promise<T> =>
  withHouse(command, opened =>
    use(enrollmentsOf({ store: opened.store, tokens: tokensOf(opened.store), office: () => opened })),
  )

async function list({ state, limit }: ListOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const wanted = state === undefined ? undefined : nameIn({ words: 'state', names: states }, state)
  const { page } = await withEnrollments(command, enrollments => enrollments.list(wanted, { limit }))
  screen.show({ enrollments: page.map(json) }, () =>
    table(
      screen,
      ['ID', 'NAME', 'GROUP', 'SUBMITTED', 'BY', 'STATE'],
      page.map(({ enrollment, entry, state: each }) => [
        enrollment.id,
        printable(enrollment.name),
        printable(entry?.group ?? enrollment.group ?? ''),
        dayOf(enrollment.submitted),
        printable(enrollment.submittedBy),
        each,
      ]),
      'no enrollments',
    ),
  )
}

async function show(id: string, { out }: ShowOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  if (out !== undefined) refuseUnwritable(out)
  const progress = await withEnrollments(command, enrollments => enrollments.get(id, shell))
  const { certificate } = progress.enrollment
  if (out !== undefined && certificate !== undefined) await writeNewFile(out, certificate, publicMode)
  screen.show(json(progress), () => facts(progress, screen))
}

async function decide(command: Command, use: (enrollments: Enrollments) => Promise<Progress>): Promise<void> {
  const screen = screenOf(command)
  const progress = await withEnrollments(command, use)
  screen.show(json(progress), () => facts(progress, screen))
}

function facts({ state, enrollment, entry }: Progress, screen: Screen): string {
  const { id, name, subject, publicKey, requestFingerprint, submitted, submittedBy, decided, note } = enrollment
  return screen.pairs([
    ['Enrollment', id],
    ['Client', printable(name)],
    ['Group', printable(entry?.group ?? enrollment.group ?? '(that of the name)')],
    ['State', state],
    ['Note', note && printable(note)],
    ['Subject', printable(subject)],
    ['Public key', publicKey],
    ['Request', `SHA-256 ${requestFingerprint}`],
    ['Submitted', `${dayOf(submitted)} by ${printable(submittedBy)}`],
    ['Decided', decided && `${dayOf(decided.date)} by ${printable(decided.by)}`],
    ['Serial number', entry?.serialNumber],
    ['Valid', entry && `${dayOf(entry.notBefore)} to ${until(entry.notAfter, screen.colours)}`],
    ['Revoked', entry?.revoked && `${dayOf(entry.revoked.date)}: ${printable(entry.revoked.reason)}`],
  ])
}

const iso = (ms: number): string => new Date(ms).toISOString()

const json = ({ state, enrollment, entry }: Progress) => {
  const { submitted, submitter: _, decided, planned: __, current: ___, request, ...rest } = enrollment
  return {
    ...rest,
    state,
    submitted: iso(submitted),
    ...(decided === undefined ? {} : { decided: { date: iso(decided.date), by: decided.by } }),
    ...(entry === undefined
      ? {}
      : {
          group: entry.group,
          serialNumber: entry.serialNumber,
          fingerprint: entry.fingerprint,
          notBefore: iso(entry.notBefore),
          notAfter: iso(entry.notAfter),
        }),
    request,
  }
}
