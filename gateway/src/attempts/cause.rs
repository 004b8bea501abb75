//! The likely cause of each end, and what to do: the one table of it. Pure.

use super::step::{Stage, Why};

/// What is told of an attempt that stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advice {
    /// What probably happened.
    pub cause: String,
    /// What an operator does about it.
    pub advice: String,
}

/// What of the installation a cause depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Where people sign in.
    pub issuer: &'a str,
    /// Whether clients may register themselves.
    pub registers: bool,
}

fn told(cause: impl Into<String>, advice: impl Into<String>) -> Advice {
    Advice { cause: cause.into(), advice: advice.into() }
}

/// Of a client that took this step last and no further one: the step that is missing, and why.
pub fn stopped(furthest: Stage, redirect: Option<&str>, facts: &Facts<'_>) -> (Stage, Advice) {
    let Facts { issuer, registers } = facts;
    match furthest {
        Stage::Challenge => (
            Stage::ResourceMetadata,
            told(
                "It was told at its 401 where the server's metadata lies, and did not ask for it: the client speaks no OAuth, or \
                 something in front of the gateway keeps /.well-known/oauth-protected-resource from it.",
                "Give it an API key if it takes one. Else open that address from where the client runs: a proxy that passes on \
                 /mcp alone must pass on /.well-known as well.",
            ),
        ),
        Stage::ResourceMetadata => (
            Stage::ServerMetadata,
            told(
                format!(
                    "It knows that people sign in at {issuer}, and did not ask there: it can't reach that host, does not trust its \
                     certificate, or was given the server's address in another spelling than the metadata has."
                ),
                format!(
                    "Open {issuer}/.well-known/oauth-authorization-server from where the client runs, and type the server's \
                     address exactly as `keyledger servers list` shows it."
                ),
            ),
        ),
        Stage::ServerMetadata if *registers => (
            Stage::Registration,
            told(
                "It read how to sign in and neither registered nor sent a browser: the client has no dynamic registration and no \
                 metadata document, waits for a client id, or for its person.",
                "If it asks for a client id, add the client beforehand (`keyledger clients add`) and give it that id. Else begin \
                 the sign-in in the client.",
            ),
        ),
        Stage::ServerMetadata => (
            Stage::Registration,
            told(
                "It read how to sign in and sent no browser. Clients don't register themselves here (`oauth.registration`), so one \
                 without a metadata document needs an id that it was given.",
                "Add the client beforehand (`keyledger clients add`) and give it that id, or let clients register \
                 (`oauth.registration`).",
            ),
        ),
        Stage::Registration => (
            Stage::Authorization,
            told(
                format!(
                    "It registered, and no browser came with its request: none was opened, or the person's browser does not reach \
                     {issuer}."
                ),
                format!(
                    "Open {issuer}/account in the person's browser. If that works, connect again in the client."
                ),
            ),
        ),
        Stage::Authorization => (
            Stage::SignIn,
            told(
                "The browser came, and nobody signed in: the person left the page, or is stuck at the identity provider, whose \
                 refusals are shown there alone.",
                "Ask the person what the last page said. `keyledger issuers test` tries the provider.",
            ),
        ),
        Stage::SignIn => (
            Stage::Consent,
            told(
                "Somebody signed in and decided nothing: the consent page was left open or closed.",
                "Connect again in the client, and decide on the page.",
            ),
        ),
        Stage::Consent => (Stage::Token, unredeemed(redirect, issuer)),
        Stage::Token | Stage::Call => (
            Stage::Call,
            told(
                "It has its token, and has made no call with it: the client waits to be used, kept the token for another \
                 address, or calls by something in front of the gateway that takes the `Authorization` header away.",
                "Use the client once, or restart it. If its calls are still answered with 401, see that the proxy passes \
                 `Authorization` on.",
            ),
        ),
    }
}

/// A code was sent and never came back.
fn unredeemed(redirect: Option<&str>, issuer: &str) -> Advice {
    let to = redirect.unwrap_or("the client's address");
    let is_local = redirect.is_some_and(|to| {
        ["http://localhost", "http://127.0.0.1", "http://[::1]"].iter().any(|local| to.starts_with(local))
    });
    let is_apps = redirect.is_some_and(|to| !to.starts_with("http"));
    let why = if is_local {
        "the client does not listen there any more, or runs on another machine than the browser (SSH, a container, a remote \
         workspace)"
    } else if is_apps {
        "the app is not installed on the browser's machine, or the browser was not allowed to open it"
    } else {
        "its host was not reached by the browser, or does not know the sign-in any more"
    };
    told(
        format!(
            "The person allowed it and the code went to {to}, but was never redeemed: {why}; or the client does not reach \
             {issuer}/oauth/token, or refused the answer."
        ),
        "Connect again, with client and browser on one machine where the answer goes to that machine. Then look at the client's \
         own log.",
    )
}

/// Of a step that was refused: what was answered, and what to do about it.
pub fn refused(stage: Stage, why: Why, said: Option<&str>) -> Advice {
    let said = |else_said: &str| said.map_or_else(|| else_said.to_owned(), str::to_owned);
    let (cause, advice) = match why {
        Why::RegistrationOff => (
            said("Clients don't register themselves here."),
            "Add the client beforehand (`keyledger clients add`) and give it that id, or set `oauth.registration`.",
        ),
        Why::RegistrationToken => (
            said("Its registration came without the initial access token."),
            "Give the client the token of `oauth.registration_token`, or add it beforehand (`keyledger clients add`).",
        ),
        Why::Redirect => (
            said("Its redirect address is not allowed."),
            "If you know the address to be the client's, allow it: for a client that registers itself in `oauth.redirects`, for \
             one that you added by `keyledger clients change`. One with a metadata document must name it there.",
        ),
        Why::Metadata => (
            said("What it says of itself in its registration is not taken."),
            "The client's makers must change what it registers with. Until then add it beforehand (`keyledger clients add`).",
        ),
        Why::TooMany => (
            said("As many began in that minute as may."),
            "Try again in a minute. If it goes on, somebody floods the endpoint: `oauth.registrations_per_minute` bounds \
             registrations.",
        ),
        Why::ClientUnknown => (
            said(
                "Nobody knows its client id here: its registration ended unused, or was made at another gateway.",
            ),
            "Remove the server in the client and add it again, so that it registers anew; or give it an id that you added.",
        ),
        Why::ClientDisabled => (
            said("The client is disabled here."),
            "`keyledger clients enable` lets it in again, if it should be.",
        ),
        Why::DocumentAway => (
            said("Its metadata document can't be fetched."),
            "See that the gateway reaches the document's host (proxies, DNS; private networks are opened by `oauth.allow`), and \
             try again.",
        ),
        Why::DocumentUnfit => (
            said("Its metadata document is not taken."),
            "The client's makers must mend the document. Until then add the client beforehand (`keyledger clients add`).",
        ),
        Why::PushedGone => (
            said("The request that it had pushed was used, or took too long."),
            "Connect again in the client.",
        ),
        Why::Request => (
            said("Its request is not what OAuth 2.1 asks for."),
            "The client must use the code flow with PKCE (S256). A newer version of it may.",
        ),
        Why::Resource => (
            said("It asked for a resource that is no server here."),
            "Type the server's address in the client exactly as `keyledger servers list` shows it, without a slash at its end.",
        ),
        Why::Scope => (
            said("It asks for more than there is, or than its person may give."),
            "Look at the scopes that the client asks for, and at what the person may do (`keyledger members list`).",
        ),
        Why::Silent => (
            said("It wanted to sign in without showing anything, and somebody had to be asked."),
            "Begin the sign-in in the client by hand.",
        ),
        Why::Issuer => (
            said("The identity provider did not sign the person in, or its word does not count."),
            "`keyledger issuers test` tries the provider; its restrictions and tenants stand in `keyledger issuers show`.",
        ),
        Why::Person => (
            said("The person has no account here, or none that counts."),
            "Invite them (`keyledger invitations create`), or let the issuer's rules make them members.",
        ),
        Why::Key => (
            said("The key that was typed does not work, or may not use this server."),
            "Issue one that may use the server (`keyledger keys issue`).",
        ),
        Why::Browser => (
            said(
                "Another browser brought the answer than the one that left, or the browser keeps no cookies.",
            ),
            "Open the sign-in in the person's usual browser, not in a window of the client's own.",
        ),
        Why::Denied => (
            said("The person did not allow it."),
            "Nothing, if they meant it. Else connect again in the client.",
        ),
        Why::NotApproved => (
            said("The organization lets its people use a client only once an admin has approved it."),
            "`keyledger approvals give` approves it, if it should be used there.",
        ),
        Why::OtherOrganization => (
            said("The client belongs to another organization."),
            "Add a client to this organization, or to the installation (`keyledger clients add`).",
        ),
        Why::NoRight => (
            said("Who signed in has no right on this server."),
            "Give their membership a scope on the server (`keyledger members change`), or let them sign in as somebody else.",
        ),
        Why::ClientProof => (
            said("The client did not show who it is."),
            "See that it has the secret or the key that it was registered with (`keyledger clients secrets issue` gives a new \
             secret).",
        ),
        Why::Code => (
            said(
                "The code was not redeemed as it was asked for: too late, twice, or with another verifier or address.",
            ),
            "Connect again. If it goes on, two processes of the client redeem the same code, or something in between keeps it \
             for longer than a minute.",
        ),
        Why::Token if stage == Stage::Call => (
            said("The token that it sent does not count."),
            "Sign in again in the client. If that does not help, `keyledger grants list` says whether the grant stands.",
        ),
        Why::Token => (said("The token that it sent does not count."), "Connect again in the client."),
        Why::Unavailable => (
            said("Something that sign-in rests on did not answer."),
            "`keyledger status` says what is away. Then connect again.",
        ),
    };
    told(cause, advice)
}
