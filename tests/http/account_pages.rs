//! The pages to sign in and to look after an account, where no browser is needed to tell.

use super::visitor::Visitor;
use super::*;

const ADA: &str = "ada@example.test";
const NEW_PASSWORD: &str = "amber bicycle quartz";
const HTTPS: &str = "https://id.example.test";

/// A form: its page, where it is sent, and its fields.
type Form = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Every form of the pages, with what was filled in and must come back.
const FORMS: [Form; 6] = [
    ("/login", "/login", &[("email", ADA), ("password", GOOD_PASSWORD)]),
    (
        "/register",
        "/register",
        &[("name", "Ada"), ("email", ADA), ("password", GOOD_PASSWORD), ("password_again", GOOD_PASSWORD)],
    ),
    ("/forgot-password", "/forgot-password", &[("email", ADA)]),
    ("/verify-email", "/verify-email/resend", &[("email", ADA)]),
    ("/account", "/account/name", &[("name", "Augusta")]),
    (
        "/account",
        "/account/address",
        &[("new_email", "augusta@example.test"), ("current_password", GOOD_PASSWORD)],
    ),
];

async fn owner_of(server: &TestServer) -> (Account, Visitor<'_>) {
    let account = server.owner(ADA, true).await;
    let mut visitor = Visitor::new(&server.client);
    assert_eq!(visitor.log_in(ADA, GOOD_PASSWORD).await.status, 303);
    visitor.open("/account").await;
    (account, visitor)
}

#[tokio::test]
async fn signing_in_gives_a_cookie_for_this_host_and_leads_to_the_account() {
    let server = TestServer::with(HTTPS, TestReadiness::Ready, |_| ()).await;
    server.owner(ADA, true).await;
    let mut visitor = Visitor::new(&server.client);

    let before = visitor.open("/account").await;
    let seen = visitor.log_in("ADA@example.test", GOOD_PASSWORD).await;
    let account = visitor.open("/account").await;
    let again = visitor.open("/login").await;

    assert_eq!((before.status, before.header("location")), (303, "/login?next=/account"));
    assert_eq!((seen.status, seen.header("location")), (303, "/account"));
    let cookie = seen.cookie("__Host-backstamp-session").unwrap();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/"), "{cookie}");
    assert_eq!(account.status, 200);
    account.says(ADA).says("This one");
    again.says("You are signed in").says(ADA);
}

#[tokio::test]
async fn signing_in_leads_to_pages_of_ours_alone() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;

    for (next, expected) in [
        ("/docs", "/docs"),
        ("https://evil.test/", "/account"),
        ("//evil.test", "/account"),
        ("/\\evil.test", "/account"),
    ] {
        let mut visitor = Visitor::new(&server.client);
        visitor.open("/login").await;
        let fields = [("email", ADA), ("password", GOOD_PASSWORD), ("next", next)];
        let seen = visitor.send("/login", &fields).await;
        assert_eq!((seen.status, seen.header("location")), (303, expected), "{next}");
    }
}

#[tokio::test]
async fn a_wrong_pair_is_told_the_same_whether_or_not_there_is_an_account() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;
    let mut visitor = Visitor::new(&server.client);

    let wrong = visitor.log_in(ADA, NEW_PASSWORD).await;
    let unknown = visitor.log_in("bob@example.test", NEW_PASSWORD).await;

    assert_eq!((wrong.status, unknown.status), (401, 401));
    assert_eq!(wrong.html, unknown.html.replace("bob@example.test", ADA));
    wrong.says("do not go together").says("<title>Error:").says("value=\"ada@example.test\"");
    assert!(!wrong.html.contains(NEW_PASSWORD));
    assert!(wrong.cookie("backstamp-session").is_none());
}

#[tokio::test]
async fn too_many_failures_are_told_with_a_time_and_keep_what_was_typed() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;
    let mut visitor = Visitor::new(&server.client);

    let mut seen = visitor.log_in(ADA, NEW_PASSWORD).await;
    while seen.status == 401 {
        seen = visitor.log_in(ADA, NEW_PASSWORD).await;
    }

    assert_eq!(seen.status, 429);
    assert_ne!(seen.header("retry-after"), "");
    seen.says("Too many requests").says("value=\"ada@example.test\"");
}

#[tokio::test]
async fn an_unverified_account_is_told_what_to_do_once_the_password_is_right() {
    let server = TestServer::start().await;
    server.owner(ADA, false).await;
    let mut visitor = Visitor::new(&server.client);

    let wrong = visitor.log_in(ADA, NEW_PASSWORD).await;
    let right = visitor.log_in(ADA, GOOD_PASSWORD).await;
    let resent = visitor.send("/verify-email/resend", &[("email", ADA)]).await;

    assert_eq!((wrong.status, right.status, resent.status), (401, 403, 200));
    right.says("Confirm your address first").says("Mail me a new link");
    resent.says("has yet to be confirmed");
}

#[tokio::test]
async fn a_form_from_another_time_does_nothing_and_comes_back_filled_in() {
    let server = TestServer::start().await;
    let (account, mut owner) = owner_of(&server).await;

    for (page, path, fields) in FORMS {
        let mut stranger = Visitor::new(&server.client);
        let visitor = if page == "/account" { &mut owner } else { &mut stranger };
        visitor.open(page).await;
        let (fresh, stale) = (visitor.token(), "AAAA");
        let seen = visitor.send_from(path, "same-origin", stale, fields).await;
        assert_eq!(seen.status, 403, "{path}");
        seen.says("Nothing has been sent yet").says("autofocus").says("<title>Error:");
        for (name, value) in fields.iter().filter(|(name, _)| !name.contains("password")) {
            seen.says(&format!("name=\"{name}\" ")).says(&format!("value=\"{value}\""));
        }
        assert!(!seen.html.contains(GOOD_PASSWORD), "{path} shows a password");
        assert_eq!(visitor.token(), fresh, "{path} comes back with a token that works");
    }
    assert_eq!(server.reload(&account).await, account);
}

#[tokio::test]
async fn forms_of_other_sites_are_refused_although_the_session_is_there() {
    let server = TestServer::start().await;
    let (account, mut visitor) = owner_of(&server).await;
    let token = visitor.token();

    for (_, path, fields) in FORMS {
        let seen = visitor.send_from(path, "cross-site", &token, fields).await;
        assert_eq!(seen.status, 403, "{path}");
        seen.says("did not come from our page");
    }
    for path in ["/logout", "/account/password", "/account/delete", "/account/sessions/revoke"] {
        let seen = visitor.send_from(path, "same-site", &token, &[]).await;
        assert_eq!(seen.status, 403, "{path}");
    }
    assert_eq!(server.reload(&account).await, account);
    assert_eq!(visitor.open("/account").await.status, 200);
}

#[tokio::test]
async fn opening_the_path_of_a_form_leads_back_and_changes_nothing() {
    let server = TestServer::start().await;
    let (account, mut visitor) = owner_of(&server).await;

    for (path, leads_to) in [
        ("/account/name?name=Eve", "/account"),
        ("/account/password", "/account"),
        ("/account/delete", "/account"),
        ("/account/sessions/revoke", "/account"),
        ("/verify-email/resend", "/verify-email"),
        ("/.well-known/change-password", "/account"),
    ] {
        let seen = visitor.open(path).await;
        assert_eq!((seen.status, seen.header("location")), (303, leads_to), "{path}");
    }
    assert_eq!(visitor.open("/logout").await.status, 405);
    assert_eq!(server.reload(&account).await, account);
}

#[tokio::test]
async fn a_form_of_one_session_is_not_taken_in_another() {
    let server = TestServer::start().await;
    let (account, mut visitor) = owner_of(&server).await;
    let token = visitor.token();
    visitor.forget("backstamp-session");
    visitor.log_in(ADA, GOOD_PASSWORD).await;

    let seen = visitor.send_from("/account/name", "same-origin", &token, &[("name", "Eve")]).await;

    assert_eq!(seen.status, 403);
    seen.says("value=\"Eve\"");
    assert_eq!(server.reload(&account).await.name, account.name);
}

#[tokio::test]
async fn what_was_typed_when_the_session_ended_is_there_after_signing_in() {
    let server = TestServer::start().await;
    let (account, mut visitor) = owner_of(&server).await;
    visitor.forget("backstamp-session");

    let ended = visitor.send("/account/name", &[("name", "Augusta <b>")]).await;
    let draft = [("email", ADA), ("password", GOOD_PASSWORD), ("draft_name", "Augusta <b>")];
    let inside = visitor.send("/login", &draft).await;
    let shown = visitor.open("/account").await;
    let later = visitor.open("/account").await;

    assert_eq!(ended.status, 401);
    ended.says("name=\"draft_name\" value=\"Augusta &lt;b&gt;\"").says("Your session has ended");
    assert_eq!((inside.status, inside.header("location")), (303, "/account"));
    shown.says("value=\"Augusta &lt;b&gt;\"").says("has not been saved yet");
    assert!(!later.html.contains("Augusta"), "it is shown once");
    assert_eq!(server.reload(&account).await.name, account.name);
}

#[tokio::test]
async fn the_password_is_changed_after_every_slip_was_told() {
    let server = TestServer::start().await;
    let (account, mut visitor) = owner_of(&server).await;
    let mut elsewhere = Visitor::new(&server.client);
    elsewhere.log_in(ADA, GOOD_PASSWORD).await;
    let change = |current, new, again| {
        [("current_password", current), ("new_password", new), ("new_password_again", again)]
    };

    let path = "/account/password";
    let empty = visitor.send(path, &change("", "", "")).await;
    let differing = visitor.send(path, &change(GOOD_PASSWORD, NEW_PASSWORD, "amber")).await;
    let weak = visitor.send(path, &change(GOOD_PASSWORD, "password", "password")).await;
    let wrong = visitor.send(path, &change("not it", NEW_PASSWORD, NEW_PASSWORD)).await;
    let done = visitor.send(path, &change(GOOD_PASSWORD, NEW_PASSWORD, NEW_PASSWORD)).await;
    let told = visitor.open("/account").await;

    for (seen, words) in [
        (empty, "Enter your password."),
        (differing, "not the same"),
        (weak, "tried first"),
        (wrong, "not your current password"),
    ] {
        assert_eq!(seen.status, 422, "{words}");
        seen.says(words).says("role=\"alert\"");
        assert!(!seen.html.contains(NEW_PASSWORD));
    }
    assert_eq!((done.status, done.header("location")), (303, "/account"));
    told.says("Your password was changed.");
    assert!(server.reload(&account).await.credential_version > account.credential_version);
    assert_eq!(elsewhere.open("/account").await.status, 303, "signed out everywhere else");
    assert_eq!(elsewhere.log_in(ADA, NEW_PASSWORD).await.status, 303);
}

#[tokio::test]
async fn another_address_is_asked_for_after_every_slip_was_told() {
    let server = TestServer::start().await;
    let (account, mut visitor) = owner_of(&server).await;
    let mut send = async |email: &str, password: &str| {
        visitor.send("/account/address", &[("new_email", email), ("current_password", password)]).await
    };

    let nothing = send("", "").await;
    nothing.says("Enter one e-mail address").says("href=\"#address_password\"");
    let nowhere = send("nowhere", GOOD_PASSWORD).await;
    nowhere.says("href=\"#new_email\"").says("value=\"nowhere\"");
    let same = send(ADA, GOOD_PASSWORD).await;
    same.says("This is your address already");
    let stranger = send("augusta@example.test", "a guess").await;
    stranger.says("This is not your current password").says("value=\"augusta@example.test\"");
    for refused in [nothing, nowhere, same, stranger] {
        assert_eq!(refused.status, 422);
        assert!(refused.html.contains("<details open>"), "the form stands open: {}", refused.html);
    }
    let sent = send("augusta@example.test", GOOD_PASSWORD).await;

    assert_eq!((sent.status, sent.header("location")), (303, "/account"));
    visitor.open("/account").await.says("A link is on its way to the new address").says(ADA);
    assert_eq!(server.reload(&account).await.address.as_str(), ADA, "nothing has moved yet");
}

#[tokio::test]
async fn other_sessions_are_ended_one_by_one_or_all() {
    let server = TestServer::start().await;
    let (_, mut visitor) = owner_of(&server).await;
    let mut others = [Visitor::new(&server.client), Visitor::new(&server.client)];
    for other in &mut others {
        other.log_in(ADA, GOOD_PASSWORD).await;
    }
    let page = visitor.open("/account").await.html;
    let one = page.split("name=\"session\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();

    let path = "/account/sessions/revoke";
    let unknown = visitor.send(path, &[("session", "nonsense")]).await;
    let ended = visitor.send(path, &[("session", &one)]).await;
    let lives = [others[0].open("/account").await.status, others[1].open("/account").await.status];
    visitor.send(path, &[]).await;
    let left = [others[0].open("/account").await.status, others[1].open("/account").await.status];

    assert_eq!((unknown.status, ended.status), (404, 303));
    assert_eq!(lives.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(left, [303, 303]);
    assert_eq!(visitor.open("/account").await.status, 200, "this one goes on");
}

#[tokio::test]
async fn signing_out_ends_the_session_itself() {
    let server = TestServer::start().await;
    let (_, mut visitor) = owner_of(&server).await;

    let stale = visitor.send_from("/logout", "same-origin", "AAAA", &[]).await;
    let still = visitor.open("/account").await;
    let done = visitor.send("/logout", &[]).await;
    let again = visitor.send("/logout", &[]).await;
    let told = visitor.open("/login").await;

    assert_eq!((stale.status, still.status), (403, 200));
    assert_eq!((done.status, done.header("location")), (303, "/login"));
    assert!(done.cookie("backstamp-session").unwrap().contains("Max-Age=0"));
    assert_eq!(again.status, 303);
    told.says("You are signed out.");
}

#[tokio::test]
async fn an_account_is_deleted_only_with_its_password() {
    let server = TestServer::start().await;
    let (account, mut visitor) = owner_of(&server).await;

    let wrong = visitor.send("/account/delete", &[("current_password", NEW_PASSWORD)]).await;
    assert_eq!(wrong.status, 422);
    wrong.says("<details class=\"danger\" open>").says("not your current password");
    let done = visitor.send("/account/delete", &[("current_password", GOOD_PASSWORD)]).await;

    assert_eq!((done.status, done.header("location")), (303, "/login"));
    assert_eq!(server.directory.find(account.id).await.unwrap(), None);
    assert_eq!(visitor.open("/account").await.status, 303);
}

#[tokio::test]
async fn every_registration_gets_the_same_page() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;
    let register = async |email: &'static str| {
        let mut visitor = Visitor::new(&server.client);
        visitor.open("/register").await;
        let password = [("password", NEW_PASSWORD), ("password_again", NEW_PASSWORD)];
        visitor.send("/register", &[&[("name", "x"), ("email", email)][..], &password].concat()).await
    };

    let known = register(ADA).await;
    let unknown = register("bob@example.test").await;

    assert_eq!((known.status, unknown.status), (200, 200));
    // A stranger may have used up the address's mails.
    known.says("If no mail comes").says("<a href=\"/forgot-password\">ask for a new password</a>");
    let token = |html: &str| html.split("csrf_token\" value=\"").nth(1).unwrap()[..43].to_owned();
    let unknown = unknown.html.replace("bob@example.test", ADA).replace(&token(&unknown.html), "");
    assert_eq!(known.html.replace(&token(&known.html), ""), unknown);
}

#[tokio::test]
async fn a_refused_registration_names_every_fault_and_keeps_all_but_the_password() {
    let server = TestServer::start().await;
    let mut visitor = Visitor::new(&server.client);
    visitor.open("/register").await;

    let fields =
        [("name", "A\u{7}da"), ("email", "\"><script>"), ("password", "short"), ("password_again", "x")];
    let seen = visitor.send("/register", &fields).await;

    assert_eq!(seen.status, 422);
    for link in ["href=\"#name\"", "href=\"#email\"", "href=\"#password_again\""] {
        seen.says(link);
    }
    seen.says("value=\"&quot;&gt;&lt;script&gt;\"");
    assert!(!seen.html.contains("short") || !seen.html.contains("value=\"short\""));
}

#[tokio::test]
async fn the_link_of_a_verification_moves_its_token_into_a_cookie() {
    let server = TestServer::with(HTTPS, TestReadiness::Ready, |_| ()).await;
    let mut visitor = Visitor::new(&server.client);

    let followed = visitor.open("/verify-email?token=abc-_9").await;
    let dead = visitor.open("/verify-email").await;

    assert_eq!((followed.status, followed.header("location")), (303, "/verify-email"));
    let cookie = followed.cookie("__Host-backstamp-verification").unwrap();
    assert_eq!(
        cookie,
        "__Host-backstamp-verification=abc-_9; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=900"
    );
    assert_eq!(dead.status, 400);
    dead.says("not valid").says("action=\"/verify-email/resend\"");
}
