// The face of the OVSDB half of the fabric.
export { controllerTarget, type ListenAt, type Reached } from './controller-target.ts'
export {
  ChassisSessions,
  type ChassisSessionsOptions,
  type ChassisState,
  type Log,
  type Stranger,
  startChassisSessions,
} from './sessions.ts'
