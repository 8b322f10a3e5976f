// Availability zones: there is one, and it is there.
import { attributesOf, type Resource, resource } from '../engine/resource.ts'
import { text } from '../engine/value.ts'

/** The zone that everything is in. */
export const zone = 'nova'

interface Zone {
  readonly id: string
  readonly resource: string
}

const zones: readonly Zone[] = ['network', 'router'].map(name => ({ id: `${zone}/${name}`, resource: name }))

const attributes = attributesOf<Zone>()({
  name: { type: text(), show: () => zone },
  resource: { type: text(), show: z => z.resource },
  state: { type: text(), show: () => 'available' },
})

/** The resource `availability_zone`. */
export const availabilityZoneResource: Resource = resource<Zone, typeof attributes>({
  name: 'availability_zone',
  plural: 'availability_zones',
  attributes,
  source: { all: () => zones, get: (_reader, id) => zones.find(z => z.id === id), owner: () => undefined },
  absent: 'AvailabilityZoneNotFound',
  standard: false,
})
