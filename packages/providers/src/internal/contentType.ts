/** What an answer says that it is. */
import type { HttpResponse } from "@holdfast/core/HttpTransport"

/** The content type as it was sent. */
export const of = ({ headers }: HttpResponse): string | undefined => headers["content-type"]

/** Whether it is a stream of events. Some servers name no content type at all for one. */
export const isEventStream = (response: HttpResponse): boolean => {
  const type = of(response)
  return type === undefined || /^text\/event-stream\b/i.test(type)
}

/** Whether it is JSON, of whatever kind. */
export const isJson = (response: HttpResponse): boolean => /^application\/(.+\+)?json\b/i.test(of(response) ?? "")
