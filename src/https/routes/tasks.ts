/**
 * `/v3/tasks`: certificates and keys for agents that cannot make their own. The members and errors of the certkey call are
 * those of the published interface of a migration service.
 *
 * @module
 */
import * as z from 'zod'
import { type Task, taskKeyTypes, type Tasks } from '../../tasks.ts'
import { json, route, type Route } from '../route.ts'

const tag = 'tasks'

const taskSchema = z
  .object({
    id: z.string(),
    source: z.string(),
    target: z.string(),
    group: z.string().describe('Whose objects source and target share.'),
    created: z.iso.datetime(),
    createdBy: z.string(),
    released: z
      .object({ date: z.iso.datetime(), by: z.string() })
      .optional()
      .describe('When the keys were handed out.'),
  })
  .meta({ id: 'Task' })

const listSchema = z.object({ tasks: z.array(taskSchema) }).meta({ id: 'Tasks' })

const name = z.string().min(1).max(116)

const newTaskSchema = z
  .strictObject({
    source: name.describe('The name of the source as a client.'),
    target: name.describe('The target becomes two clients: NAME-management and NAME-data.'),
    group: name.optional().describe('Whose objects all of them share. Default: the group of the source.'),
    days: z.int().min(1).max(36_500).optional().describe('Validity of the certificates. Default 730.'),
    keyType: z.enum(taskKeyTypes).default('RSA-2048'),
  })
  .meta({ id: 'NewTask' })

const certificate = z.string().describe('PEM.')
const key = z.string().optional().describe('PEM, PKCS#1. The first time only; absent afterwards.')

const certkeySchema = z
  .object({
    cert: certificate.describe('Of the source, PEM.'),
    private_key: key,
    ca: z.string().optional().describe('PEM: what the certificates lead to. Absent with enable_ca_cert=false.'),
    target_mgmt_cert: certificate,
    target_mgmt_private_key: key,
    target_data_cert: certificate,
    target_data_private_key: key,
  })
  .meta({ id: 'Certkey' })

const query = z.strictObject({
  enable_ca_cert: z.enum(['true', 'false']).default('true').describe('Whether a CA certificate is returned.'),
})

export const taskRoutes = (tasks: Tasks): Route[] => [
  route({
    method: 'POST',
    path: '/v3/tasks',
    id: 'createTask',
    tag,
    summary: 'make keys and certificates for a source and a target',
    access: 'admin',
    body: newTaskSchema,
    replies: { 201: { description: 'The task.', schema: taskSchema } },
    failures: [409],
    answer: async ({ body, caller }) => {
      const task = await tasks.create(body, caller)
      return json(201, plain(task), { headers: { location: `/v3/tasks/${task.id}/certkey` } })
    },
  }),
  route({
    method: 'GET',
    path: '/v3/tasks',
    id: 'listTasks',
    tag,
    summary: 'list tasks, the oldest first',
    access: 'read',
    replies: { 200: { description: 'All of them.', schema: listSchema } },
    answer: async () => json(200, { tasks: (await tasks.list()).map(plain) }),
  }),
  route({
    method: 'GET',
    path: '/v3/tasks/{task_id}/certkey',
    id: 'showCertKey',
    tag,
    summary: 'fetch certificates and private keys',
    description:
      'The private keys are handed out once and then erased here: the first answer has all three, later ones have the certificates alone, without the members of the keys. An answer that was lost on its way cannot be had again; make another task.',
    access: 'enroll',
    action: 'sms:server:getCert',
    params: z.object({ task_id: z.string().min(1).max(100) }),
    query,
    replies: { 200: { description: 'Certificates, and the first time keys.', schema: certkeySchema } },
    isUnsafe: true,
    answer: async ({ params: { task_id }, query: { enable_ca_cert }, caller }) => {
      const { task, keys } = await tasks.release(task_id, caller)
      const { source = '', targetManagement = '', targetData = '' } = task.certificates
      const body = {
        cert: source,
        ...(keys === undefined ? {} : { private_key: keys.source }),
        ...(enable_ca_cert === 'true' ? { ca: task.chain } : {}),
        target_mgmt_cert: targetManagement,
        ...(keys === undefined ? {} : { target_mgmt_private_key: keys.targetManagement }),
        target_data_cert: targetData,
        ...(keys === undefined ? {} : { target_data_private_key: keys.targetData }),
      }
      return json(200, body, keys === undefined ? {} : { note: 'private keys handed out, and erased here' })
    },
  }),
]

const iso = (ms: number): string => new Date(ms).toISOString()

const plain = ({ id, source, target, group, created, createdBy, released }: Task): z.output<typeof taskSchema> => ({
  id,
  source,
  target,
  group,
  created: iso(created),
  createdBy,
  ...(released === undefined ? {} : { released: { date: iso(released.date), by: released.by } }),
})
