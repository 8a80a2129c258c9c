//! The directory: anyone may register; the rest is for administrators, with a key of the scope `admin` or signed
//! in with the role.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::{Body, Request, RequestBody, Result};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::{Deserialize, Serialize};

use super::HttpState;
use super::answers::{PAGE, id};
use super::auth::{Admin, Caller};
use super::docs::Tags;
use super::fields::{self, Faults};
use super::json::{self, Strict};
use super::problem::{Code, FieldError, Problem};
use super::registrations::{self, RegistrationRequest, RegistrationResponse};
use super::sessions::Done;
use crate::accounts::{Account, Directory, ImportError, Imported, LineFault, Report, Role};
use crate::domain::id::AccountId;

/// Faults that an answer lists; the rest is counted.
const MOST_FAULTS: usize = 1_000;
/// Bytes of an import at most.
const MAX_IMPORT: usize = 16 * 1024 * 1024;
/// What lines of JSON are called; the first is what we call them.
const LINES: [&str; 4] =
    ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/json"];

/// An account, as an administrator sees it.
#[derive(Object)]
struct AccountDetails {
    id: String,
    email: String,
    name: Option<String>,
    /// `user`, `operator` or `admin`.
    role: String,
    disabled: bool,
    verified_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<Account> for AccountDetails {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.to_string(),
            email: account.address.as_str().to_owned(),
            name: account.name,
            role: account.role.to_string(),
            disabled: account.disabled,
            verified_at: account.verified_at,
            created_at: account.created_at,
        }
    }
}

#[derive(Object)]
struct AccountList {
    data: Vec<AccountDetails>,
    next_cursor: Option<String>,
}

#[derive(ApiResponse)]
enum ListResponse {
    /// Newest first.
    #[oai(status = 200)]
    Found(Json<AccountList>),
}

#[derive(ApiResponse)]
enum AccountResponse {
    /// The account.
    #[oai(status = 200)]
    Found(Json<AccountDetails>),
}

#[derive(Debug, Clone, Copy, Enum, Serialize, Deserialize)]
#[oai(rename = "Role", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum RoleName {
    User,
    Operator,
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::User => Self::User,
            RoleName::Operator => Self::Operator,
            RoleName::Admin => Self::Admin,
        }
    }
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct RoleUpdate {
    /// What the account may do, from its next request on.
    role: RoleName,
}

/// A line that was not taken.
#[derive(Object)]
struct Fault {
    /// Counted from 1.
    line: u64,
    /// The member, if it is about one.
    field: Option<String>,
    message: String,
}

#[derive(Object)]
struct ImportResult {
    imported: u64,
    failed: u64,
    /// The first thousand.
    errors: Vec<Fault>,
}

#[derive(ApiResponse)]
enum ImportResponse {
    /// Read to its end; lines that were not taken are listed.
    #[oai(status = 200)]
    Imported(Json<ImportResult>),
}

#[derive(Default)]
struct Faulty(Vec<Fault>);

impl Report for Faulty {
    fn fault(&mut self, fault: LineFault) {
        if self.0.len() < MOST_FAULTS {
            self.0.push(Fault { line: fault.line, field: fault.field, message: fault.reason });
        }
    }
}

pub struct AccountsApi(pub Arc<HttpState>);

// One struct for one path: the document names a path that two of them share twice, and readers lose one.
#[OpenApi(prefix_path = "/v1/accounts")]
impl AccountsApi {
    /// Register
    ///
    /// The answer is the same whether or not the address has an account. The link in the mail and the password
    /// together make the account usable.
    #[oai(path = "/", method = "post", operation_id = "register_account", tag = "Tags::Accounts")]
    async fn register(
        &self,
        request: &Request,
        body: Strict<RegistrationRequest>,
    ) -> Result<RegistrationResponse, Problem> {
        registrations::answer(&self.0, request, body.0).await
    }

    /// The accounts
    ///
    /// Newest first: `{"data": […], "next_cursor": null | "…"}`.
    #[oai(path = "/", method = "get", operation_id = "list_accounts", tag = "Tags::Operators")]
    async fn list(
        &self,
        #[oai(scope = "Admin")] _caller: Caller<Admin>,
        /// The whole address.
        email: Query<Option<String>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<ListResponse, Problem> {
        let Self(state) = self;
        let mut faults = Faults::default();
        let email = faults.take("/email", email.0.as_deref().map(fields::email).transpose());
        let Some(email) = email else { return Err(faults.into()) };
        let before = match cursor.0.as_deref().map(str::parse::<AccountId>).transpose() {
            Ok(before) => before,
            Err(_) => {
                return Err(Problem::invalid(vec![FieldError::new("/cursor", "invalid", "is no cursor")]));
            }
        };
        if let Some(email) = email {
            let data = state.accounts.lookup(&email).await?.into_iter().map(Into::into).collect();
            return Ok(ListResponse::Found(Json(AccountList { data, next_cursor: None })));
        }
        let limit = limit.0.unwrap_or(PAGE);
        let mut accounts = state.accounts.list_newest(before, limit + 1).await?;
        let more = accounts.len() > limit as usize;
        accounts.truncate(limit as usize);
        let next_cursor = accounts.last().filter(|_| more).map(|account| account.id.to_string());
        let data = accounts.into_iter().map(Into::into).collect();
        Ok(ListResponse::Found(Json(AccountList { data, next_cursor })))
    }

    /// One account
    ///
    /// As it stands now.
    #[oai(path = "/:id", method = "get", operation_id = "get_account", tag = "Tags::Operators")]
    async fn get(
        &self,
        #[oai(scope = "Admin")] _caller: Caller<Admin>,
        #[oai(name = "id")] account: Path<String>,
    ) -> Result<AccountResponse, Problem> {
        self.found(id(&account)?).await
    }

    /// Import accounts
    ///
    /// One object a line (`application/x-ndjson`, 16 MiB at most): `{"email", "name"?, "password_hash"?,
    /// "verified"?, "role"?}`. Inserts only: an account that is there already is never touched. Without a hash
    /// only a password reset lets the owner in. For more use `backstamp accounts import`.
    #[oai(path = "/import", method = "post", operation_id = "import_accounts", tag = "Tags::Operators")]
    async fn import(
        &self,
        request: &Request,
        #[oai(scope = "Admin")] _caller: Caller<Admin>,
        body: Body,
    ) -> Result<ImportResponse> {
        if !LINES.iter().any(|lines| json::media_type_is(request.content_type(), lines)) {
            let detail = format!("Send {}.", LINES[0]);
            return Err(Problem::new(Code::UnsupportedMediaType).detail(detail).into());
        }
        // Whole before the first line is taken, so that what is too long leaves nothing behind.
        let lines = json::read(&mut RequestBody::new(body), MAX_IMPORT).await?;
        let mut faulty = Faulty::default();
        let imported = self.0.accounts.import(&*lines, &mut faulty).await;
        let Imported { inserted, failed } = imported.map_err(|error| match error {
            ImportError::Input(_) => Problem::new(Code::MalformedRequest),
            ImportError::Directory(error) => error.into(),
        })?;
        Ok(ImportResponse::Imported(Json(ImportResult { imported: inserted, failed, errors: faulty.0 })))
    }

    /// Say what an account may do
    ///
    /// From its next request on.
    #[oai(path = "/:id", method = "patch", operation_id = "update_account", tag = "Tags::Operators")]
    async fn update(
        &self,
        #[oai(scope = "Admin")] _caller: Caller<Admin>,
        #[oai(name = "id")] account: Path<String>,
        body: Strict<RoleUpdate>,
    ) -> Result<AccountResponse, Problem> {
        let account = id(&account)?;
        self.0.accounts.set_role(account, body.0.role.into()).await?;
        self.found(account).await
    }

    /// Close an account
    ///
    /// Its owner is kept out; every session and link ends.
    #[oai(path = "/:id/disable", method = "post", operation_id = "disable_account", tag = "Tags::Operators")]
    async fn disable(
        &self,
        #[oai(scope = "Admin")] _caller: Caller<Admin>,
        #[oai(name = "id")] account: Path<String>,
    ) -> Result<AccountResponse, Problem> {
        let account = id(&account)?;
        self.0.accounts.disable(account).await?;
        self.found(account).await
    }

    /// Open an account again
    ///
    /// Sessions and links of before stay dead.
    #[oai(path = "/:id/enable", method = "post", operation_id = "enable_account", tag = "Tags::Operators")]
    async fn enable(
        &self,
        #[oai(scope = "Admin")] _caller: Caller<Admin>,
        #[oai(name = "id")] account: Path<String>,
    ) -> Result<AccountResponse, Problem> {
        let account = id(&account)?;
        self.0.accounts.enable(account).await?;
        self.found(account).await
    }

    /// Delete an account
    ///
    /// Its sessions and links end with it.
    #[oai(path = "/:id", method = "delete", operation_id = "delete_account", tag = "Tags::Operators")]
    async fn delete(
        &self,
        #[oai(scope = "Admin")] _caller: Caller<Admin>,
        #[oai(name = "id")] account: Path<String>,
    ) -> Result<Done, Problem> {
        if self.0.accounts.delete(id(&account)?).await? {
            Ok(Done::Done)
        } else {
            Err(Problem::new(Code::NotFound))
        }
    }
}

impl AccountsApi {
    async fn found(&self, id: AccountId) -> Result<AccountResponse, Problem> {
        let account = self.0.accounts.find(id).await?.ok_or_else(|| Problem::new(Code::NotFound))?;
        Ok(AccountResponse::Found(Json(account.into())))
    }
}
