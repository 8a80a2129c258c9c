//! A browser without script: it keeps cookies, sends the forms it was shown, and follows nothing by itself.

use std::collections::BTreeMap;

use poem::http::HeaderMap;

use super::*;

pub type Client = TestClient<BoxEndpoint<'static, Response>>;

pub struct Visitor<'a> {
    client: &'a Client,
    cookies: BTreeMap<String, String>,
    /// The token of the form that was shown last.
    token: String,
}

/// What the browser was shown.
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub html: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The line that sets this cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let lines = self.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
        lines.into_iter().find(|line| line.starts_with(&format!("{name}=")))
    }

    /// It says these words.
    pub fn says(&self, words: &str) -> &Self {
        assert!(self.html.contains(words), "{words:?} is not in {} {}", self.status, self.html);
        self
    }
}

impl<'a> Visitor<'a> {
    pub fn new(client: &'a Client) -> Self {
        Self { client, cookies: BTreeMap::new(), token: String::new() }
    }

    pub async fn open(&mut self, path: &str) -> Seen {
        let request = self.client.get(path).header("cookie", self.cookie_line());
        let request = request.header("accept", "text/html,application/xhtml+xml");
        self.see(request.send().await).await
    }

    /// Sends a form with the token of the one shown last.
    pub async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let token = self.token.clone();
        self.send_from(path, "same-origin", &token, fields).await
    }

    pub async fn send_from(&mut self, path: &str, site: &str, token: &str, fields: &[(&str, &str)]) -> Seen {
        let mut form = vec![("csrf_token", token)];
        form.extend_from_slice(fields);
        let request = self.client.post(path).header("cookie", self.cookie_line());
        self.see(request.header("sec-fetch-site", site).form(&form).send().await).await
    }

    pub async fn log_in(&mut self, email: &str, password: &str) -> Seen {
        self.open("/login").await;
        self.send("/login", &[("email", email), ("password", password)]).await
    }

    pub fn forget(&mut self, cookie: &str) {
        self.cookies.remove(cookie);
    }

    pub fn token(&self) -> String {
        self.token.clone()
    }

    fn cookie_line(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    async fn see(&mut self, response: TestResponse) -> Seen {
        let (status, headers) = (response.0.status().as_u16(), response.0.headers().clone());
        for line in headers.get_all("set-cookie") {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let html = response.0.into_body().into_string().await.unwrap();
        if let Some((_, rest)) = html.split_once("name=\"csrf_token\" value=\"") {
            self.token = rest.split('"').next().unwrap().to_owned();
        }
        Seen { status, headers, html }
    }
}
