/** An EventBridge envelope in its usual shape. */
export function envelope(type: string, detail: string, source = "aws.x"): string {
  return `{"version":"0","id":"844e2571","detail-type":"${type}","source":"${source}","account":"111122223333","time":"2026-01-02T03:04:05Z","region":"eu-west-1","resources":[],"detail":${detail}}`;
}
