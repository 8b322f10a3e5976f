// The API over a store on disk, in a process of its own: DIR MILLISECONDS-OF-FSYNC. Tells its port to the parent.
import type { AddressInfo } from 'node:net'
import { buildApi } from '#api'
import { modelKinds, modelPools } from '#model'
import { openStore } from '#store'

const [dataDir = '', delay = '0'] = process.argv.slice(2)
const store = await openStore({ dataDir, kinds: modelKinds, pools: modelPools, fsyncDelay: Number(delay) })
const app = buildApi({ store })
await app.listen({ port: 0, host: '127.0.0.1' })
process.send?.((app.server.address() as AddressInfo).port)
process.on('disconnect', async () => {
  await app.close()
  await store.close()
})
