// What crosses a device, as tcpdump shows it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Node } from '#test/support/cloud'

/** A running tcpdump. */
export interface Capture {
  /** Its lines so far. */
  lines(): readonly string[]
  /** Ends it; what it saw. */
  stop(): Promise<readonly string[]>
}

/** Starts tcpdump on a device of a machine; resolves when it listens. */
export const capture = async (node: Pick<Node, 'netns'>, device: string, filter: string): Promise<Capture> => {
  const args = [`--net=/run/netns/${node.netns}`, 'tcpdump', '-l', '-n', '-e', '-i', device, filter]
  const child: ChildProcess = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout?.on('data', chunk => {
    text += chunk
  })
  const lines = () => text.split('\n').filter(line => line !== '')
  await once(child.stderr!, 'data')
  return {
    lines,
    stop: async () => {
      // What is on its way to tcpdump is still to be seen.
      await new Promise(resolve => setTimeout(resolve, 200))
      const ended = once(child, 'close')
      child.kill('SIGINT')
      await ended
      return lines()
    },
  }
}
