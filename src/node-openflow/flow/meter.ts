// Meters as data: how much a flow may carry. Their messages, and with them their bytes, are in message/meter.ts.

/** How a meter counts, by bit. */
export const meterFlags = { kbps: 1 << 0, pktps: 1 << 1, burst: 1 << 2, stats: 1 << 3 } as const

/** What happens above a rate (in kbit/s, or packets/s): drop, or a higher drop precedence. */
export type Band =
  | { readonly type: 'drop'; readonly rate: number; readonly burstSize: number }
  | { readonly type: 'dscp_remark'; readonly rate: number; readonly burstSize: number; readonly precLevel: number }
  | {
      readonly type: 'unknown'
      readonly code: number
      readonly rate: number
      readonly burstSize: number
      readonly data: Uint8Array
    }

/** OFPM_ALL: every meter. */
export const ALL_METERS = 0xffffffff

/** A meter (OpenFlow 1.5.1, 7.3.4.5). */
export interface Meter {
  readonly meterId: number
  readonly flags: readonly (keyof typeof meterFlags | number)[]
  readonly bands: readonly Band[]
}

/** A change of the meters: OFPT_METER_MOD. */
export interface MeterMod extends Meter {
  readonly command: 'add' | 'modify' | 'delete' | number
}
