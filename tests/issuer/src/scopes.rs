//! What Entra ID takes for a scope: OpenID's own, Graph's, and an app's, qualified by its Application ID URI; one
//! resource at a time.

use crate::client::Client;
use crate::refusal::Refusal;

pub(crate) const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
const GRAPH_URI: &str = "https://graph.microsoft.com";
const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];
/// Graph's that are known here; they may stand without Graph's name.
const OF_GRAPH: [&str; 5] =
    ["User.Read", "User.ReadBasic.All", "GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"];

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scopes {
    pub all: Vec<String>,
    /// The API that the access token is for: an Application ID URI, or [`GRAPH`].
    pub resource: Option<String>,
}

impl Scopes {
    pub fn has(&self, scope: &str) -> bool {
        self.all.iter().any(|one| one == scope)
    }

    pub fn told(&self) -> String {
        self.all.join(" ")
    }
}

/// As an OpenID provider takes them: `openid` at least, and what it does not know is left out (OpenID Connect Core
/// §3.1.2.1).
pub(crate) fn openid(asked: Option<&str>) -> Result<Scopes, Refusal> {
    const KNOWN: [&str; 6] = ["openid", "profile", "email", "offline_access", "groups", "roles"];
    let asked = asked.unwrap_or_default().split(' ');
    let all: Vec<String> = asked.filter(|scope| KNOWN.contains(scope)).map(str::to_owned).collect();
    let scopes = Scopes { all, resource: None };
    if !scopes.has("openid") {
        return Err(Refusal::new("invalid_scope", "the scope openid is missing"));
    }
    Ok(scopes)
}

/// As Entra ID takes them. `apps`: all that are registered.
pub(crate) fn entra(asked: Option<&str>, client: &Client, apps: &[Client]) -> Result<Scopes, Refusal> {
    let asked: Vec<&str> = asked.unwrap_or_default().split(' ').filter(|scope| !scope.is_empty()).collect();
    if asked.is_empty() {
        return Err(Refusal::missing("scope"));
    }
    let mut scopes = Scopes::default();
    for scope in asked {
        scopes.all.push(scope.to_owned());
        if OPENID.contains(&scope) {
            continue;
        }
        let resource = resource(scope, client, apps)?;
        if scopes.resource.as_ref().is_some_and(|other| *other != resource) {
            let description = "Provided value for the input parameter scope is not valid because it contains more than \
                               one resource.";
            return Err(Refusal::entra("invalid_scope", "AADSTS28000", description));
        }
        scopes.resource = Some(resource);
    }
    Ok(scopes)
}

/// Whose scope it is; one without a name in front is Graph's.
fn resource(scope: &str, client: &Client, apps: &[Client]) -> Result<String, Refusal> {
    let unknown = |short: &str, resource: &str| {
        let description = format!(
            "The application '{}' asked for scope '{short}' that doesn't exist on the resource '{resource}'. Contact \
             the app vendor.",
            client.id
        );
        Refusal::entra("invalid_client", "AADSTS650053", description)
    };
    let Some((name, short)) = scope.rsplit_once('/') else {
        return if OF_GRAPH.contains(&scope) { Ok(GRAPH.to_owned()) } else { Err(unknown(scope, GRAPH)) };
    };
    if name == GRAPH_URI || name == GRAPH {
        let known = short == ".default" || OF_GRAPH.contains(&short);
        return if known { Ok(GRAPH.to_owned()) } else { Err(unknown(short, GRAPH)) };
    }
    let Some(app) = apps.iter().find(|app| app.app_uri == name || app.id == name) else {
        let description = format!("The resource principal named {name} was not found in the tenant.");
        return Err(Refusal::entra("invalid_resource", "AADSTS500011", description));
    };
    let known = short == ".default" || app.scopes.iter().any(|one| one == short);
    if known { Ok(app.app_uri.clone()) } else { Err(unknown(short, &app.id)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CLIENT;

    fn judged(asked: &str) -> Result<Option<String>, &'static str> {
        let client = Client::confidential();
        let other = Client { app_uri: "https://mcp.example/mcp/a/b".to_owned(), ..Client::public("other") };
        let judged = entra(Some(asked), &client, &[client.clone(), other]);
        judged.map(|scopes| scopes.resource).map_err(|refusal| refusal.code.unwrap())
    }

    #[test]
    fn scopes_of_one_resource_are_taken() {
        assert_eq!(judged("openid profile"), Ok(None));
        assert_eq!(judged("openid User.Read"), Ok(Some(GRAPH.to_owned())));
        assert_eq!(judged("https://graph.microsoft.com/GroupMember.Read.All"), Ok(Some(GRAPH.to_owned())));
        assert_eq!(judged(&format!("openid api://{CLIENT}/access")), Ok(Some(format!("api://{CLIENT}"))));
        assert_eq!(judged(&format!("{CLIENT}/.default")), Ok(Some(format!("api://{CLIENT}"))));
        assert_eq!(
            judged("https://mcp.example/mcp/a/b/access"),
            Ok(Some("https://mcp.example/mcp/a/b".to_owned()))
        );
    }

    #[test]
    fn what_entra_refuses_is_refused_with_its_code() {
        for (asked, code) in [
            ("", "AADSTS900144"),
            ("  ", "AADSTS900144"),
            ("mcp:tools", "AADSTS650053"),
            ("openid access", "AADSTS650053"),
            ("https://graph.microsoft.com/No.Such", "AADSTS650053"),
            (&format!("api://{CLIENT}/other"), "AADSTS650053"),
            ("api://nobody/access", "AADSTS500011"),
            (&format!("User.Read api://{CLIENT}/access"), "AADSTS28000"),
            (&format!("api://{CLIENT}/access https://mcp.example/mcp/a/b/access"), "AADSTS28000"),
        ] {
            assert_eq!(judged(asked), Err(code), "{asked:?}");
        }
    }
}
