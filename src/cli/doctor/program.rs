//! What lies around the program: room on the disk, and the way in from outside.

use std::path::Path;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use url::Url;

use super::Finding;

const PATIENCE: Duration = Duration::from_secs(10);
/// Below this much a database soon cannot grow.
const ROOM_WARNING: u64 = 5_000_000_000;
const ROOM_FAILED: u64 = 500_000_000;

/// Whether there is room where data are written.
pub fn disk(folder: &Path) -> Finding {
    let folder = if folder.is_dir() { folder } else { Path::new(".") };
    match rustix::fs::statvfs(folder) {
        Ok(told) => room(told.f_bavail.saturating_mul(told.f_frsize)),
        Err(error) => Finding::warning("disk", format!("cannot be looked at: {error}"), "look yourself"),
    }
}

fn room(bytes: u64) -> Finding {
    let told = format!("{:.1} GB are free", bytes as f64 / 1e9);
    match bytes {
        bytes if bytes < ROOM_FAILED => Finding::failed("disk", told, "make room before writes fail"),
        bytes if bytes < ROOM_WARNING => Finding::warning("disk", told, "make room soon"),
        _ => Finding::good("disk", told),
    }
}

/// Whether the webhook's URL leads to a running backstamp. Posts what is no webhook and must be refused as such.
pub async fn reachable(endpoint: &str) -> Finding {
    const CHECK: &str = "reachable";
    let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    let Ok(client) = client.build() else {
        return Finding::failed(CHECK, "no HTTP client can be made", "look at the machine's certificates");
    };
    let is_local = Url::parse(endpoint).is_ok_and(|url| url.scheme() == "http");
    let answer = client.post(endpoint).header(CONTENT_TYPE, "text/plain").body("doctor").send().await;
    match answer.map(|answer| answer.status()) {
        Ok(StatusCode::UNSUPPORTED_MEDIA_TYPE) if is_local => {
            Finding::good(CHECK, format!("{endpoint} answers on this machine"))
        }
        Ok(StatusCode::UNSUPPORTED_MEDIA_TYPE) => {
            Finding::good(CHECK, format!("{endpoint} answers, seen from here"))
        }
        Ok(status) => Finding::failed(
            CHECK,
            format!("{endpoint} answers {status}: somebody else, or a proxy before us"),
            "let the proxy pass POST /webhooks/mailgun on, without log-in and without redirects",
        ),
        Err(error) if error.is_timeout() => {
            Finding::failed(CHECK, format!("{endpoint} does not answer in time"), "see that it is served")
        }
        Err(_) => Finding::failed(
            CHECK,
            format!("{endpoint} cannot be reached"),
            "start the server, or correct BACKSTAMP_PUBLIC_URL, DNS, the certificate",
        ),
    }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::method;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::super::Verdict;
    use super::*;

    #[test]
    fn little_room_is_told_before_there_is_none() {
        let verdicts = [400_000_000, 2_000_000_000, 80_000_000_000].map(|bytes| room(bytes).verdict);

        assert_eq!(verdicts, [Verdict::Failed, Verdict::Warning, Verdict::Good]);
    }

    #[tokio::test]
    async fn only_our_own_refusal_proves_that_the_url_is_ours() {
        for (status, verdict) in [(415, Verdict::Good), (200, Verdict::Failed), (302, Verdict::Failed)] {
            let server = MockServer::start().await;
            Mock::given(method("POST")).respond_with(ResponseTemplate::new(status)).mount(&server).await;

            assert_eq!(reachable(&server.uri()).await.verdict, verdict, "{status}");
        }
        assert_eq!(reachable("http://127.0.0.1:9/").await.verdict, Verdict::Failed);
    }
}
