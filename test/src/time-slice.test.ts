import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { longWork, timeSlice } from '../../src/time-slice.ts'

it('what arrives during a slice of long work is answered before the next begins', async () => {
  const server = createServer({ noDelay: true })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [[socket]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [[Socket], unknown]
  try {
    const events: string[] = []
    // As responses leave: when all that has arrived is answered.
    socket.on('data', () => setImmediate(() => events.push('answer')))
    const slice = timeSlice(longWork(), () => false)
    for (let round = 0; round < 20; round++) {
      await slice.next()
      events.push('slice')
      client.write('a question')
    }
    await slice.next()
    expect(events).toEqual(Array.from({ length: 20 }, () => ['slice', 'answer']).flat())
  } finally {
    client.destroy()
    server.close()
  }
})
