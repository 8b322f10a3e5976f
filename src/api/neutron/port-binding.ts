// Bindings of a port to hosts, as Nova uses them in a live migration (binding-extended).
import type { FastifyInstance } from 'fastify'
import {
  activatePortBinding,
  bindingOutcome,
  createPortBinding,
  deletePortBinding,
  type Port,
  type PortBinding,
  portBindingOf,
  portBindings,
  type Reader,
  refuse,
  updatePortBinding,
} from '#model'
import { find, findOwn } from '../engine/collection.ts'
import { missing, quote, read } from '../engine/read.ts'
import type { Serve } from '../engine/serve.ts'
import { anyObject, nonEmptyText } from '../engine/value.ts'
import { portResource, vifOf, vnicTypes } from './port.ts'

type OfPort = { Params: { id: string } }
type One = { Params: { id: string; host: string } }

const path = '/ports/:id/bindings'
const host = nonEmptyText()

function show(binding: PortBinding, port: Port, reader: Reader) {
  // an inactive binding stands as it would if the port were not bound anywhere
  const vif = binding.isActive
    ? vifOf(bindingOutcome(reader, port))
    : vifOf(bindingOutcome(reader, { ...port, id: '', bindingHost: binding.host }))
  return {
    host: binding.host,
    status: binding.isActive ? 'ACTIVE' : 'INACTIVE',
    vif_type: vif.type,
    vif_details: vif.details,
    vnic_type: binding.vnicType,
    profile: binding.profile,
  }
}

const allowed = ['host', 'vnic_type', 'profile']

function given(body: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  const binding = (body as { binding?: unknown } | null | undefined)?.binding
  if (typeof binding !== 'object' || binding === null || Array.isArray(binding))
    throw refuse('HTTPBadRequest', { message: "Unable to find 'binding' in request body" })
  const unknown = Object.keys(binding).filter(name => !names.includes(name) && !/^(tenant|project)_id$/.test(name))
  if (unknown.length > 0)
    throw refuse('HTTPBadRequest', { message: `Unrecognized attribute(s) '${quote(unknown.join(', '))}'` })
  return binding as Readonly<Record<string, unknown>>
}

const vnicTypeOf = (value: unknown) => (value === undefined ? undefined : read(vnicTypes, value, 'vnic_type'))
const profileOf = (value: unknown) => (value === undefined ? undefined : read(anyObject, value, 'profile'))

/** Serves /v2.0/ports/ID/bindings. */
export function servePortBindings(app: FastifyInstance, serve: Serve): void {
  const ofPort = <V extends Parameters<typeof find>[2]>(view: V, id: string) => find(portResource, id, view) as Port
  const own = <V extends Parameters<typeof find>[2]>(view: V, id: string) =>
    findOwn(portResource, id, view, 'update') as Port

  app.get<OfPort>(
    path,
    serve.read((view, { params }) => {
      const port = ofPort(view, params.id)
      return { bindings: portBindings(view.reader, port).map(b => show(b, port, view.reader)) }
    }),
  )
  app.post<OfPort>(
    path,
    serve.write((view, { params, body }, reply) => {
      const port = own(view, params.id)
      const asked = given(body, allowed)
      if (asked.host === undefined) throw missing('host')
      const binding = createPortBinding(view.reader, port, {
        host: read(host, asked.host, 'host'),
        vnicType: vnicTypeOf(asked.vnic_type) ?? 'normal',
        profile: profileOf(asked.profile) ?? {},
      })
      reply.code(201)
      return { binding: show(binding, ofPort(view, params.id), view.reader) }
    }),
  )
  app.get<One>(
    `${path}/:host`,
    serve.read((view, { params }) => {
      const port = ofPort(view, params.id)
      return { binding: show(portBindingOf(view.reader, port, params.host), port, view.reader) }
    }),
  )
  app.put<One>(
    `${path}/:host`,
    serve.write((view, { params, body }) => {
      const port = own(view, params.id)
      const { vnic_type, profile } = given(body, ['vnic_type', 'profile'])
      const change = { vnicType: vnicTypeOf(vnic_type), profile: profileOf(profile) }
      return { binding: show(updatePortBinding(view.reader, port, params.host, change), port, view.reader) }
    }),
  )
  app.put<One>(
    `${path}/:host/activate`,
    serve.write((view, { params }) => {
      const binding = activatePortBinding(view.reader, own(view, params.id), params.host)
      return { binding: show(binding, ofPort(view, params.id), view.reader) }
    }),
  )
  app.delete<One>(
    `${path}/:host`,
    serve.write((view, { params }, reply) => {
      deletePortBinding(view.reader, own(view, params.id), params.host)
      reply.code(204)
    }),
  )
}
