// Security groups at size: how many flows a chassis with 1,000 ports holds for them, what a change adds to these and how
// long it takes to compile; how many megaflows a thousand connections take; how soon a rule that is deleted is gone from
// the switch. `node --conditions=source bench/security.ts [flows | compile | megaflows | deletion]`
import { benchCompile } from './security/compile.ts'
import { benchDeletion } from './security/deletion.ts'
import { benchFlows } from './security/flows.ts'
import { benchMegaflows } from './security/megaflows.ts'

const parts = { flows: benchFlows, compile: benchCompile, megaflows: benchMegaflows, deletion: benchDeletion }

const only = process.argv[2]
for (const [name, bench] of Object.entries(parts)) if (!only || only === name) await bench()
