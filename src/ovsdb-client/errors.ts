/**
 * Everything that can go wrong, a class per thing that a caller can react to. Errors of the server keep RFC 7047's
 * string in `code`, and the operation that they belong to; ours have a code of their own in the same field.
 */
/** What all errors of this package are instances of. `code` is a short fixed string, `message` says it in full. */
export class OvsdbError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** The peer sent what no OVSDB peer may send; the connection is closed. */
export class ProtocolError extends OvsdbError {
  constructor(message: string, code = 'protocol error') {
    super(code, message)
  }
}

/** A message is larger than `maxMessageSize`; the connection is closed. Sizes in bytes. */
export class MessageTooLarge extends ProtocolError {
  readonly size: number
  readonly limit: number

  constructor(size: number, limit: number) {
    super(
      `a message is larger than ${limit} bytes; raise maxMessageSize, or monitor fewer tables and columns`,
      'message too large',
    )
    this.size = size
    this.limit = limit
  }
}

/** No connection at the moment: the request was not sent. */
export class NotConnected extends OvsdbError {
  constructor(message = 'not connected to an OVSDB server; the request was not sent', cause?: unknown) {
    super('not connected', message, { cause })
  }
}

/** The connection ended before the answer came. Whether the request was carried out is unknown: it is never resent. */
export class ConnectionLost extends OvsdbError {
  readonly outcome = 'unknown'

  constructor(method: string, cause?: unknown) {
    super('connection lost', `the connection was lost during "${method}": its outcome is unknown`, { cause })
  }
}

/** No answer within the caller's time limit. The request was cancelled, but may have been carried out. */
export class RequestTimeout extends OvsdbError {
  readonly outcome = 'unknown'

  constructor(method: string, milliseconds: number) {
    super('request timeout', `no answer to "${method}" within ${milliseconds} ms: its outcome is unknown`)
  }
}

/** The caller's AbortSignal fired, or the server confirms a cancellation. */
export class RequestCanceled extends OvsdbError {
  readonly outcome = 'unknown'

  constructor(method: string, cause?: unknown) {
    super('canceled', `"${method}" was cancelled`, { cause })
  }
}

/** Why a connection was ended by us: idle peer, closed client, wrong role of the server. `code` says which. */
export class Disconnected extends OvsdbError {}

/** The server's schema is not what the caller declared. `problems` has one sentence for each difference. */
export class SchemaMismatch extends OvsdbError {
  readonly database: string
  readonly problems: readonly string[]

  constructor(database: string, problems: readonly string[]) {
    super('schema mismatch', `database ${database}: ${problems.join('; ')}`)
    this.database = database
    this.problems = problems
  }
}

/** A value, column or table in an operation or condition does not fit the schema: nothing was sent. */
export class InvalidOperation extends OvsdbError {
  constructor(message: string) {
    super('invalid operation', message)
  }
}

/** The server answered a request with an error. `error` is what it said, `code` the string in it. */
export class RpcError extends OvsdbError {
  readonly method: string
  readonly error: unknown
  readonly details: string

  constructor(method: string, code: string, details: string, error: unknown) {
    super(code, `"${method}" failed: ${code}${details && `: ${details}`}`)
    this.method = method
    this.error = error
    this.details = details
  }
}

/** The server has no database of that name (or no longer). */
export class UnknownDatabase extends RpcError {}

/** An operation as it was given to `transact`. */
export interface FailedOperation {
  readonly op: string
  readonly table?: string
}

/**
 * A transaction failed: nothing of it was done. `operation` and `index` name the operation at fault; both are
 * undefined when all operations succeeded but the commit did not.
 */
export class TransactionError extends OvsdbError {
  readonly details: string
  readonly index: number | undefined
  readonly operation: FailedOperation | undefined

  constructor(code: string, details: string, index?: number, operation?: FailedOperation) {
    const place = operation ? `operation ${index} (${describe(operation)})` : 'commit'
    super(code, `${place}: ${code}${details && `: ${details}`}`)
    this.details = details
    this.index = index
    this.operation = operation
  }
}

const describe = ({ op, table }: FailedOperation) => (table ? `${op} ${table}` : op)

/** A value breaks a constraint of the schema: range, enumeration, index, number of rows. */
export class ConstraintViolation extends TransactionError {}
/** A reference to a row that does not exist would be left. */
export class ReferentialIntegrityViolation extends TransactionError {}
/** A `wait` did not come true in time. */
export class TimedOut extends TransactionError {}
/** An `assert` of a lock that this connection does not hold. */
export class NotOwner extends TransactionError {}
/** The transaction held an `abort`. */
export class Aborted extends TransactionError {}
/** A mutation has no result: division by zero. */
export class DomainError extends TransactionError {}
/** A mutation's result leaves the range of its type. */
export class RangeViolation extends TransactionError {}
/** The server does not do this, such as durable commits. */
export class NotSupported extends TransactionError {}
/** The server is out of memory or disk. */
export class ResourcesExhausted extends TransactionError {}
/** The server could not write to its disk. */
export class IoError extends TransactionError {}
/** The server did not understand the operation. */
export class OperationSyntaxError extends TransactionError {}
/** The server is read-only, or the table is. */
export class NotAllowed extends TransactionError {}
/** Role-based access control forbids it. */
export class PermissionDenied extends TransactionError {}
/** Two inserts of one transaction have the same name. */
export class DuplicateUuidName extends TransactionError {}
/** The UUID chosen for an insert is taken. */
export class DuplicateUuid extends TransactionError {}
/** A cluster could not commit just now (a change of leader, a lost race): the same transaction may succeed later. */
export class TryAgain extends TransactionError {}
/** A cluster lost its leader, or time, while it committed. Whether it was committed is unknown. */
export class ClusterError extends TransactionError {}
