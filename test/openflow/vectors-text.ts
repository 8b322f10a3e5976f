// Open vSwitch's samples of the syntax of flows (see vectors/README.md).

import { readFileSync } from 'node:fs'

/** A text that ovs-ofctl takes, and the message that it prints for it. */
export interface SyntaxSample {
  readonly id: string
  readonly input: string
  readonly expected: string
}

interface Row {
  readonly id: string
  readonly kind: string
  readonly input_text: string
  readonly expected_text?: string
  readonly expects_error?: boolean
}

const lines = readFileSync(new URL('vectors/openflow-ovs.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter(Boolean)

/** Those that show the flow and not its match in the form of NXM. */
export const syntaxSamples: readonly SyntaxSample[] = lines
  .map(line => JSON.parse(line) as Row)
  .filter(row => row.kind === 'flow-syntax' && row.expected_text !== undefined && !row.expects_error)
  .map(row => ({ id: row.id, input: row.input_text, expected: row.expected_text as string }))
  .filter(sample => !/ADD (NXM_|OXM_|<any>)/.test(sample.expected))
