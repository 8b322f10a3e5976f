// What `ovs-appctl ofproto/trace` says, taken apart: one pass for each resumption after connection tracking.
import { type Match, parseMatch } from 'node-openflow/flow'

/** One pass of the switch. */
export interface Pass {
  /** Tables and cookies visited, in order; '' where no flow matched. */
  readonly visited: readonly string[]
  /** Datapath ports to which the frame went, each with the outermost VLAN tag that it bore: `7` or `1 vlan 2`. */
  readonly outputs: readonly string[]
  /** How often the packet went to the controller. */
  readonly controllers: number
  /** The fields at the end; undefined when they are those of the start. */
  readonly final: Match | undefined
}

/** Splits at the commas that are in no parentheses. */
const parts = (text: string): readonly string[] => {
  const found: string[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i <= text.length; i++) {
    const c = text[i]
    if (c === '(' || c === '{') depth++
    else if (c === ')' || c === '}') depth--
    else if ((c === ',' && depth === 0) || c === undefined) {
      found.push(text.slice(from, i))
      from = i + 1
    }
  }
  return found
}

/** What datapath actions do to a frame that bears a tag or none. */
const actions = (text: string, tag: string | undefined) => {
  const outputs: string[] = []
  let controllers = 0
  let tags: readonly string[] = tag === undefined ? [] : [tag]
  const go = (list: string) => {
    for (const part of parts(list)) {
      const push = /^push_vlan\(vid=(\d+)/.exec(part)
      const clone = /^clone\((.*)\)$/.exec(part)
      if (push) tags = [push[1] as string, ...tags]
      else if (part === 'pop_vlan') tags = tags.slice(1)
      else if (part.startsWith('userspace(')) controllers++
      else if (clone) {
        const before = tags
        go(clone[1] as string)
        tags = before
      } else if (/^\d+$/.test(part)) outputs.push(tags[0] === undefined ? part : `${part} vlan ${tags[0]}`)
    }
  }
  go(text)
  return { outputs, controllers }
}

const VISIT = /^\s*(\d+)\. (?:No match\.|(?:.*, )?priority \d+(?:, cookie (0x[0-9a-f]+))?$)/

/** What the tracer has no place for: inner tags, the switch's own numbers, options of tunnels. */
const UNFOLLOWED = /\b(vlan_tci1|recirc_id|(gtpu|erspan)_\w+|tun_(?!id|src|dst|ipv6)\w+)=[^,]+,?/g

/** Takes a trace apart. Where NAT is simulated, lines about it stand between the passes. */
export const readOfprotoTrace = (text: string): readonly Pass[] =>
  text.split(/^=+\nrecirc\((?:[^=].*\n)+=+\n/m).map(pass => {
    const lines = pass.split('\n')
    const line = (name: string) => lines.find(l => l.startsWith(`${name}: `))?.slice(name.length + 2) ?? ''
    const final = line('Final flow')
    return {
      visited: lines.flatMap(l => {
        const found = VISIT.exec(l)
        return found ? [`${found[1]} ${found[2] ?? ''}`] : []
      }),
      ...actions(line('Datapath actions'), /\bdl_vlan=(\d+)/.exec(line('Flow'))?.[1]),
      final: final === 'unchanged' ? undefined : parseMatch(final.replaceAll(UNFOLLOWED, '')),
    }
  })
