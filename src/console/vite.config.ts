// Builds the console into dist/, each file beside a compressed copy that the controller sends to browsers that take it.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vite'

const out = join(import.meta.dirname, 'dist')

const compressed: Plugin = {
  name: 'compressed',
  apply: 'build',
  closeBundle() {
    for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
      const file = join(out, name)
      if (statSync(file).isFile() && !name.endsWith('.gz'))
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }))
    }
  },
}

export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  plugins: [svelte({ configFile: false }), compressed],
  build: {
    outDir: out,
    emptyOutDir: true,
    target: 'es2024',
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  worker: { format: 'es' },
  // `npm run dev:console`: the page from here, all else from a controller.
  server: { proxy: { '/flowright': { target: 'http://127.0.0.1:9696', ws: true }, '/v2.0': 'http://127.0.0.1:9696' } },
})
