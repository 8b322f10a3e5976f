// Which room may import which. The whole rule is the table `may`; everything else derives from it.
const openflow = '^src/node-openflow/'
const flowData = '^src/node-openflow/flow/'
const room = name => `^src/${name}/`
const flows = '^flows/'

const may = {
  [openflow]: [],
  [room('ovsdb-client')]: [],
  [room('model')]: [],
  [room('compiler')]: [flowData, room('model')],
  [flows]: [flowData, room('model'), room('compiler')],
  [room('store')]: [room('model')],
  [room('fabric')]: [openflow, room('ovsdb-client'), room('model'), room('compiler'), room('store')],
  [room('tracer')]: [flowData, room('model'), room('compiler')],
  [room('api')]: [room('model'), room('store')],
  [room('console')]: [room('api')],
}
const rooms = Object.keys(may).concat(['^src/cli/', '^src/main(\\.ts|/)'])

export default {
  forbidden: [
    ...Object.entries(may).map(([from, to]) => ({
      name: `imports of ${from}`,
      severity: 'error',
      from: { path: from },
      to: { path: rooms.filter(r => r !== from), pathNot: to.length ? to : '^$' },
    })),
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'flows and model are pure',
      severity: 'error',
      from: { path: [flows, room('model'), room('compiler')] },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(assert(/strict)?|util|crypto|net)$' },
    },
    { name: 'no unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { conditionNames: ['source', 'import', 'node', 'default'], exportsFields: ['exports'] },
    tsConfig: { fileName: 'tsconfig.json' },
  },
}
