/** Events to the application. */

/**
 * Emits an event. A listener that throws is an error of the application, thrown for itself (uncaughtException): it must
 * not look like one of the connection, or leave a step half made.
 */
export function tell(emit: () => void): void {
  try {
    emit()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}
