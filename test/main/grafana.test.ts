// The example dashboard names only what /metrics of a controller has, and is laid out as Grafana lays panels out.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { unlimitedQuotas } from '#model'
import { type Controller, startController } from '../../src/main/controller.ts'

interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}
const dashboard = JSON.parse(readFileSync(new URL('../../docs/grafana/flowright.json', import.meta.url), 'utf8')) as {
  readonly title: string
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
}
const dir = mkdtempSync(join(tmpdir(), 'fr-grafana-'))
let controller: Controller
let metrics: string

beforeAll(async () => {
  controller = await startController(
    {
      ...{ data: `${dir}/data`, api: { host: '127.0.0.1', port: 0 }, chassis: [], advertise: undefined },
      ovsdb: [{ protocol: 'punix', path: `${dir}/ovsdb` }],
      openflow: [{ protocol: 'punix', path: `${dir}/openflow` }],
      ...{ keystone: undefined, quotas: unlimitedQuotas, tls: undefined, autoApprove: true, logLevel: 'info' },
    },
    pino({ level: 'silent' }),
    'test',
  )
  const body = JSON.stringify({ network: { name: 'blue' } })
  await fetch(`http://${controller.api}/v2.0/networks`, { method: 'POST', body })
  metrics = await (await fetch(`http://${controller.api}/metrics`)).text()
})
afterAll(async () => {
  await controller?.stop()
  rmSync(dir, { recursive: true })
})

test('every figure that the dashboard names is in /metrics', () => {
  const known = new Set(metrics.matchAll(/^# TYPE (\w+)/gm).map(([, name]) => name))
  const named = dashboard.panels
    .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    .flatMap(expr => expr.match(/\b(flowright|process|nodejs)_\w+/g) ?? [])
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter(name => !known.has(name) && !known.has(name.replace(/_(bucket|count|sum)$/, '')))).toEqual([])
})

test('transactions of the store and requests are timed', () => {
  expect(metrics).toMatch(/^flowright_store_commit_seconds_count [1-9]/m)
  expect(metrics).toMatch(
    /^flowright_api_request_seconds_count\{method="POST",route="\/v2\.0\/networks",status="201"\} 1$/m,
  )
})

test('its panels have names and do not overlap', () => {
  expect(dashboard.schemaVersion).toBeGreaterThan(30)
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
  const taken = new Set<string>()
  for (const { title, type, targets, gridPos } of dashboard.panels) {
    expect(title).not.toBe('')
    expect(type === 'row' || (targets ?? []).length > 0, title).toBe(true)
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken.has(`${x} ${y}`), title).toBe(false)
        taken.add(`${x} ${y}`)
      }
  }
})
