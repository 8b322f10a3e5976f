// What the operator chose for this browser: language, light or dark, whether changes are possible.
import { type Language, messages } from '../text/messages.ts'

const KEY = 'flowright-console'

/** Colours: as the system says, or fixed. */
export type Scheme = 'system' | 'light' | 'dark'

interface Settings {
  language: Language
  scheme: Scheme
  /** Whether forms that change something are shown. */
  mayEdit: boolean
}

const kept = (): Partial<Settings> => {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}')
  } catch {
    return {}
  }
}

/** The present choices; changing one keeps it. */
export const settings: Settings = $state({
  language: navigator.language.startsWith('zh') ? 'zh' : 'en',
  scheme: 'system',
  mayEdit: false,
  ...kept(),
})

/** Keeps the choices, and applies them to the page, whenever they change. To be called once, in a component. */
export const applySettings = (): void => {
  $effect(() => {
    localStorage.setItem(KEY, JSON.stringify(settings))
    document.documentElement.style.colorScheme = settings.scheme === 'system' ? 'light dark' : settings.scheme
    document.documentElement.lang = settings.language
  })
}

/** A text in the chosen language; `{name}` stands for a value. */
export const t = (key: keyof (typeof messages)['en'], values: Readonly<Record<string, string | number>> = {}): string =>
  messages[settings.language][key].replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))

/** How long a time is, in one unit: 3 s, 5 min, 2 h, 4 d. */
export const ago = (milliseconds: number): string => {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 90) return t('time.s', { n: seconds })
  if (seconds < 5400) return t('time.min', { n: Math.round(seconds / 60) })
  if (seconds < 172_800) return t('time.h', { n: Math.round(seconds / 3600) })
  return t('time.d', { n: Math.round(seconds / 86_400) })
}
