/** Clusters of real ovsdb-servers for the tests. */
import { join } from 'node:path'
import { type Daemon, sh, startServer, tempDir, until, VSWITCH_SCHEMA } from './daemons.ts'

/** A member of a cluster. */
export interface Member extends Daemon {
  readonly name: string
  /** What it says in `cluster/status`. */
  status(): Promise<string>
  isLeader(): Promise<boolean>
  /** Starts it again after it was killed. */
  restart(): Promise<Member>
}

const DB = 'Open_vSwitch'

async function startMember(dir: string, name: string): Promise<Member> {
  const daemon = await startServer(dir, [join(dir, `${name}.db`)], [], name)
  const status = () => daemon.appctl('cluster/status', DB)
  return {
    ...daemon,
    name,
    status,
    isLeader: async () => /^Role: leader$/m.test(await status()),
    restart: () => startMember(dir, name),
  }
}

/** Starts a cluster of `size` servers of the Open_vSwitch schema; the first is the first leader. */
export async function cluster(size: number): Promise<Member[]> {
  const dir = tempDir()
  const address = (i: number) => `unix:${join(dir, `raft${i}.sock`)}`
  await sh('ovsdb-tool', 'create-cluster', join(dir, 'm0.db'), VSWITCH_SCHEMA, address(0))
  const members = [await startMember(dir, 'm0')]
  await until('the first member leads', () => members[0]!.isLeader())
  for (let i = 1; i < size; i++) {
    await sh('ovsdb-tool', 'join-cluster', join(dir, `m${i}.db`), DB, address(i), address(0))
    const member = await startMember(dir, `m${i}`)
    await until(`m${i} has joined`, async () => /^Status: cluster member$/m.test(await member.status()))
    members.push(member)
  }
  return members
}
