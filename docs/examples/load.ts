import exec from "k6/execution";
import http from "k6/http";
import { Trend } from "k6/metrics";

const requests = new Trend("breakwater_request", true);

export default function (): void {
  const beganAt = exec.instance.currentTestRunDuration;
  const response = http.get(`${__ENV.BREAKWATER_URL}/items/${exec.scenario.iterationInTest % 100}`, {
    timeout: Number(__ENV.BREAKWATER_TIMEOUT_MS),
  });
  const tookMs = exec.instance.currentTestRunDuration - beganAt;
  requests.add(tookMs, {
    status: String(response.status),
    error: response.status === 0 ? String(response.error_code) : "",
  });
}
