// A packet's way, as the API tells it, laid out in a line: the bridges that it crossed, and in each the tables in turn.
import type { ArrivalView, EffectView, ProposalView, TraceView, VisitView } from '#api/trace-view'

/** A flow that the packet met, with who asked for it. */
export interface StepFlow {
  readonly cookie: string
  readonly priority: number
  readonly match: string
  readonly actions: string
  readonly packets?: number
  readonly resources: readonly { readonly kind: string; readonly id: string; readonly words: string }[]
}

/** A table that the packet was in. */
export interface Step {
  readonly table: number
  readonly name: string
  /** How deep within tables that asked others. */
  readonly depth: number
  /** Null: no flow matched. */
  readonly flow: StepFlow | null
  readonly effects: readonly Exclude<EffectView, { readonly visit: VisitView }>[]
}

/** A bridge that the packet was on. */
export interface Stage {
  readonly chassis: string
  readonly bridge: string
  /** How it came there. */
  readonly by: ArrivalView['by']
  readonly packet: string
  readonly steps: Step[]
}

/** What the API answers: as the tracer says, with resources in words for sources; of a packet sent for real, how far it came. */
export type Traced = Omit<TraceView, 'live'> & {
  readonly live?: { readonly sentence: string; readonly as_traced: boolean }
}

/** Lays it out. What comes back from connection tracking goes on where it was. */
export const layOut = ({ arrivals }: Traced): readonly Stage[] => {
  const stages: Stage[] = []
  const visit = (view: VisitView, stage: Stage, depth: number): void => {
    const effects = view.effects.filter(effect => !('visit' in effect)) as Step['effects']
    stage.steps.push({
      ...{ table: view.table, name: view.name, depth, effects },
      flow: view.flow as unknown as StepFlow | null,
    })
    for (const effect of view.effects) {
      if ('visit' in effect) visit(effect.visit, stage, effect.type === 'resubmit' ? depth + 1 : depth)
      else if ('arrival' in effect && effect.arrival) arrive(effect.arrival)
    }
  }
  const arrive = ({ by, chassis, bridge, packet, visit: first }: ArrivalView): void => {
    const here = stages.findLast(stage => stage.chassis === chassis && stage.bridge === bridge)
    const stage: Stage = by === 'ct' && here ? here : { chassis, bridge, by, packet, steps: [] }
    if (stage !== here) stages.push(stage)
    visit(first, stage, 0)
  }
  for (const arrival of arrivals) arrive(arrival)
  return stages
}

/** A packet that was looked for, for a flow that drops. */
export type Proposed = ProposalView

/** Where the packet met a flow, the last bridge first. */
export const metAt = (stages: readonly Stage[], cookie: string): { stage: Stage; step: Step } | undefined => {
  for (const stage of stages.toReversed())
    for (const step of stage.steps) if (step.flow?.cookie === cookie) return { stage, step }
  return undefined
}
