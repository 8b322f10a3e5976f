// The face of the OVSDB half of the fabric.
export { controllerTarget, type ListenAt } from './controller-target.ts'
export {
  ChassisSessions,
  type ChassisSessionsOptions,
  startChassisSessions,
} from './sessions.ts'
