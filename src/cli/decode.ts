/**
 * `kmipd decode`: a TTLV message as a tree.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { decode, dumpJson, dumpText } from '../../protocol/index.ts'
import { addCommand, screenOf } from './command.ts'
import { CommandError } from './endings.ts'
import { readInput } from './object-file.ts'
import { printable } from './screen.ts'

export function addDecode(program: Command): void {
  addCommand(program, 'decode <file-or-hex>', {
    summary: 'show a KMIP message as a tree: a file, hexadecimal text, or - for standard input',
    description:
      'A file holds the message as it is or in hexadecimal; white space, colons and bars between digits are left out.\nKeys, passwords and other secrets are hidden.',
    examples: [
      ['decode message.bin', 'a file'],
      ['decode "42007b 01 00000000"', 'hexadecimal'],
      ['decode - --secrets < message.hex', 'standard input, secrets shown'],
    ],
  })
    .option('--secrets', 'show secrets, too')
    .action(async (source: string, { secrets = false }: { readonly secrets?: boolean }, command: Command) => {
      const item = decode(await messageFrom(source))
      screenOf(command).show(dumpJson(item, { secrets }), () =>
        dumpText(item, { secrets }).split('\n').map(printable).join('\n'),
      )
    })
}

async function messageFrom(source: string): Promise<Uint8Array> {
  if (source === '-' || existsSync(source)) {
    const content = await readInput(source)
    return isBinary(content) ? content : fromHex(content.toString('latin1'), 'the input is neither a message nor')
  }
  return fromHex(source, `${JSON.stringify(source.slice(0, 40))} is neither a file nor`)
}

/** A tag's first byte is 42, or 54 for an extension, and as text that is a letter which is no digit. KMIP 2.1 §10.1.1 */
const isBinary = ([first]: Uint8Array): boolean => first === 0x42 || first === 0x54

function fromHex(text: string, complaint: string): Uint8Array {
  const digits = text.replace(/0x/gi, '').replace(/[\s:|,]/g, '')
  if (!/^([0-9a-f]{2})+$/i.test(digits))
    throw new CommandError('usage', `${complaint} hexadecimal; give a file, an even number of digits, or -`)
  return Buffer.from(digits, 'hex')
}
