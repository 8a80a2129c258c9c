use super::*;

const HTTPS: &str = "https://id.example.test";

/// The `name=value` of each cookie that an answer sets.
fn cookies(response: &TestResponse) -> Vec<String> {
    let lines = response.0.headers().get_all("set-cookie").iter();
    lines.map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

async fn html(response: TestResponse) -> String {
    response.assert_content_type("text/html; charset=utf-8");
    response.0.into_body().into_string().await.unwrap()
}

fn csrf_token(html: &str) -> String {
    html.split("name=\"csrf_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Opens a page with these cookies; the cookies and the token that its form needs.
async fn open(
    client: &TestClient<BoxEndpoint<'static, Response>>,
    path: &str,
    cookie: &str,
) -> (String, String) {
    let response = client.get(path).header("cookie", cookie).send().await;
    response.assert_status_is_ok();
    let cookie = format!("{cookie}; {}", cookies(&response).join("; "));
    (cookie, csrf_token(&html(response).await))
}

#[tokio::test]
async fn pages_are_guarded_and_load_nothing_from_elsewhere() {
    let TestServer { client, .. } = &TestServer::start().await;

    for path in ["/forgot-password", "/reset-password", "/login"] {
        let response = client.get(path).send().await;
        response.assert_header("referrer-policy", "no-referrer");
        let policy = response.0.header("content-security-policy").unwrap().to_owned();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
        let html = html(response).await;
        assert!(!html.contains("style=") && !html.contains("//"), "{html}");
        assert_eq!(html.matches("<script").count(), html.matches("<script src=\"/assets/").count(), "{html}");
    }
}

#[tokio::test]
async fn a_page_speaks_the_language_of_the_browser_or_the_one_that_was_chosen() {
    let TestServer { client, .. } = &TestServer::start().await;
    let forgot =
        |accepted: &'static str| client.get("/forgot-password").header("accept-language", accepted).send();

    let german = forgot("de-DE,de;q=0.9,en;q=0.8").await;
    german.assert_header("content-language", "de");
    german.assert_header("vary", "accept-language, cookie");
    let german = html(german).await;
    let chosen = client.get("/forgot-password?lang=de&x=1").send().await;
    chosen.assert_status(StatusCode::SEE_OTHER);
    chosen.assert_header("location", "/forgot-password?x=1");
    assert_eq!(cookies(&chosen), ["backstamp-language=de"]);
    let kept = client
        .get("/forgot-password")
        .header("accept-language", "en")
        .header("cookie", "backstamp-language=de");
    assert!(html(kept.send().await).await.contains("<html lang=\"de\""));
    let other = html(forgot("xx").await).await;

    assert!(german.contains("<html lang=\"de\"") && german.contains("Passwort vergessen?"), "{german}");
    assert!(other.contains("<html lang=\"en\"") && other.contains("Forgot your password?"), "{other}");
}

#[tokio::test]
async fn what_pages_load_is_there_and_may_be_kept() {
    let TestServer { client, .. } = &TestServer::start().await;
    let page = html(client.get("/login").send().await).await;
    let assets: Vec<_> = page.split('"').filter(|part| part.starts_with("/assets/")).collect();

    assert_eq!(assets.len(), 3, "{page}");
    for asset in assets {
        let response = client.get(asset).send().await;
        response.assert_status_is_ok();
        response.assert_header("cache-control", "public, max-age=31536000, immutable");
        response.assert_header("x-content-type-options", "nosniff");
    }
}

#[tokio::test]
async fn the_brand_is_in_the_page_its_style_and_its_logo() {
    let logo = Logo::File { bytes: b"<svg/>".to_vec(), ending: "svg", media_type: "image/svg+xml" };
    let brand =
        BrandConfig { name: "A & B".into(), logo: Some(logo), color: Color([1, 2, 3]), ..Default::default() };
    let TestServer { client, .. } = &TestServer::branded(brand).await;

    let page = html(client.get("/login").send().await).await;
    let asset = |stem: &str| {
        let stem = format!("/assets/{stem}.");
        page.split('"').find(|part| part.starts_with(&stem)).unwrap().to_owned()
    };
    let style = client.get(asset("style")).send().await.0.into_body().into_string().await.unwrap();
    let logo = client.get(asset("logo")).send().await;

    assert!(page.contains("A &amp; B"));
    assert!(style.contains("--brand: #010203; --on-brand: #ffffff;"));
    logo.assert_content_type("image/svg+xml");
    logo.assert_header("content-security-policy", "default-src 'none'; sandbox");
    logo.assert_bytes(b"<svg/>").await;
}

#[tokio::test]
async fn the_link_moves_its_token_into_a_cookie_for_this_host_alone() {
    let server = TestServer::with(HTTPS, TestReadiness::Ready, |_| ()).await;

    let response = server.client.get("/reset-password?token=abc-_9").header("host", "evil.test").send().await;

    response.assert_status(StatusCode::SEE_OTHER);
    response.assert_header("location", "/reset-password");
    response.assert_header("referrer-policy", "no-referrer");
    response.assert_header(
        "set-cookie",
        "__Host-backstamp-reset=abc-_9; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=900",
    );
}

#[tokio::test]
async fn a_token_that_is_none_never_becomes_a_cookie() {
    let server = TestServer::start().await;

    let response = server.client.get("/reset-password?token=a%3B%20Domain%3Devil.test").send().await;

    response.assert_status(StatusCode::SEE_OTHER);
    assert_eq!(cookies(&response), ["backstamp-reset="]);
}

#[tokio::test]
async fn a_link_that_does_not_work_says_so_and_offers_the_next_step() {
    let server = TestServer::start().await;
    let account = server.account("ada@example.test").await;
    let token = server.mailed_token(&account, None).await;
    server.clock.advance(TimeDelta::hours(2));

    for (token, status, words) in [("forged", 400, "not valid"), (&token, 410, "expired")] {
        let cookie = format!("backstamp-reset={token}");
        let response = server.client.get("/reset-password").header("cookie", cookie).send().await;
        assert_eq!(response.0.status().as_u16(), status);
        let page = html(response).await;
        assert!(page.contains(words) && page.contains("action=\"/forgot-password\""), "{page}");
    }
}

#[tokio::test]
async fn fetching_the_link_changes_nothing_about_it() {
    let server = TestServer::start().await;
    let account = server.account("ada@example.test").await;
    let token = server.mailed_token(&account, None).await;
    let link = format!("/reset-password?token={token}");

    for method in [Method::GET, Method::HEAD, Method::GET] {
        let fetched = server.client.request(method, &link).header("user-agent", "scanner").send().await;
        fetched.assert_status(StatusCode::SEE_OTHER);
    }

    let (_, _) = open(&server.client, "/reset-password", &format!("backstamp-reset={token}")).await;
    assert_eq!(server.reload(&account).await, account);
}

#[tokio::test]
async fn a_new_password_is_set_after_a_slip_and_a_refusal() {
    let server = TestServer::start().await;
    let account = server.account("ada@example.test").await;
    let token = server.mailed_token(&account, None).await;
    let cookie = format!("backstamp-reset={token}");
    let page = html(server.client.get("/reset-password").header("cookie", &cookie).send().await).await;
    let (cookie, csrf) = open(&server.client, "/reset-password", &cookie).await;
    let send = |one: &'static str, two: &'static str| {
        let form = [("csrf_token", csrf.as_str()), ("new_password", one), ("new_password_again", two)];
        server.client.post("/reset-password").header("cookie", &cookie).form(&form).send()
    };

    let slip = send(GOOD_PASSWORD, "correct hose").await;
    let refused = send("short", "short").await;
    let done = send(GOOD_PASSWORD, GOOD_PASSWORD).await;
    let again = send(GOOD_PASSWORD, GOOD_PASSWORD).await;

    assert!(page.contains("a***@e***.test") && !page.contains("ada@example.test"));
    assert_eq!(page.matches("autocomplete=\"new-password\"").count(), 2);
    assert_eq!(slip.0.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(html(slip).await.contains("not the same"));
    assert_eq!(refused.0.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(html(refused).await.contains("Use at least 8 characters."));
    done.assert_status_is_ok();
    assert_eq!(cookies(&done), ["backstamp-reset="]);
    assert!(html(done).await.contains("href=\"http://127.0.0.1:8080/login\""));
    assert_eq!(again.0.status(), StatusCode::GONE);
    assert!(html(again).await.contains("used already"));
}

#[tokio::test]
async fn every_address_gets_the_same_page() {
    let TestServer { client, .. } = &TestServer::start().await;
    let (cookie, token) = open(client, "/forgot-password", "").await;
    let ask = |email: &'static str| {
        let form = [("csrf_token", token.as_str()), ("email", email)];
        client.post("/forgot-password").header("cookie", &cookie).form(&form).send()
    };

    let known = html(ask("ada@example.test").await).await;
    let unknown = html(ask("nobody@example.test").await).await;
    let wrong = ask("\"><script>").await;

    assert_eq!(known, unknown);
    assert_eq!(wrong.0.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!html(wrong).await.contains("<script>"));
}

#[tokio::test]
async fn a_form_from_elsewhere_is_refused() {
    let TestServer { client, .. } = &TestServer::start().await;
    let (cookie, token) = open(client, "/forgot-password", "").await;
    let form = [("csrf_token", token.as_str()), ("email", "ada@example.test")];
    let post = || client.post("/forgot-password").form(&form);
    let ours = "http://127.0.0.1:8080";

    let refused = [
        post().send().await,
        post().header("cookie", &cookie).header("origin", "https://evil.test").send().await,
        post().header("cookie", &cookie).header("origin", "null").send().await,
        post().header("cookie", &cookie).header("sec-fetch-site", "cross-site").send().await,
        post()
            .header("cookie", &cookie)
            .header("sec-fetch-site", "same-site")
            .header("origin", ours)
            .send()
            .await,
        client.post("/forgot-password").header("cookie", &cookie).form(&form[1..].to_vec()).send().await,
    ];
    let taken = [
        post().header("cookie", &cookie).header("origin", ours).send().await,
        post()
            .header("cookie", &cookie)
            .header("origin", "null")
            .header("sec-fetch-site", "same-origin")
            .send()
            .await,
    ];

    for response in refused {
        response.assert_status(StatusCode::FORBIDDEN);
    }
    for response in taken {
        response.assert_status_is_ok();
    }
}

#[tokio::test]
async fn over_the_limit_the_page_says_so() {
    let TestServer { client, .. } = &TestServer::start().await;
    let (cookie, token) = open(client, "/forgot-password", "").await;
    let ask = |n: usize| {
        let form = [("csrf_token", token.clone()), ("email", format!("a{n}@b.test"))];
        client.post("/forgot-password").header("cookie", &cookie).form(&form).send()
    };
    for n in 0..3 {
        ask(n).await.assert_status_is_ok();
    }

    let response = ask(3).await;

    response.assert_status(StatusCode::TOO_MANY_REQUESTS);
    response.assert_header_exist("retry-after");
    assert!(html(response).await.contains("Too many requests"));
}
