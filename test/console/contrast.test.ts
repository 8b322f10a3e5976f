// Colours of the console: text stands out from whatever it stands on, light and dark (WCAG 2.2, 1.4.3: 4.5 to 1); marks and
// lines that mean something from their surroundings (1.4.11: 3 to 1).
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const css = readFileSync(new URL('../../src/console/style/tokens.css', import.meta.url), 'utf8')
const pairs = new Map(
  css
    .matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)
    .map(([, name = '', light = '', dark = '']) => [name, { light, dark }]),
)

const luminance = (color: string): number => {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map(at => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
const contrast = (a: string, b: string): number => {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (high + 0.05) / (low + 0.05)
}

const grounds = ['bg', 'surface', 'raised', 'hover']
const texts = ['text', 'text-2', 'text-3', 'accent', 'good', 'warn', 'bad']
const kinds = ['kind-1', 'kind-2', 'kind-3', 'kind-4', 'kind-5', 'kind-6']

const weak = (names: readonly string[], on: readonly string[], least: number) =>
  (['light', 'dark'] as const).flatMap(scheme =>
    names.flatMap(name =>
      on.flatMap(ground => {
        const ratio = contrast(pairs.get(name)![scheme], pairs.get(ground)![scheme])
        return ratio < least ? [`${name} on ${ground}, ${scheme}: ${ratio.toFixed(2)}`] : []
      }),
    ),
  )

it('text stands out from every ground', () => {
  expect(weak(texts, grounds, 4.5)).toEqual([])
  expect(weak(['text', 'text-2', 'text-3', 'accent'], ['selected', 'sunken'], 4.5)).toEqual([])
  expect(weak(['text', 'bad'], ['bad-bg'], 4.5)).toEqual([])
  expect(weak(['text', 'warn'], ['warn-bg'], 4.5)).toEqual([])
  expect(weak(['text', 'good'], ['good-bg'], 4.5)).toEqual([])
  expect(weak(['on-accent'], ['accent'], 4.5)).toEqual([])
})

it('marks stand out from their surroundings', () => {
  expect(weak(kinds, ['surface', 'bg'], 3)).toEqual([])
  expect(weak(['focus'], [...grounds, 'selected'], 3)).toEqual([])
})
