//! A person's groups, where the id token does not tell them: from Microsoft Graph, with the person's own token. Where the
//! token itself points to (`_claim_sources`) is never followed.

use projections::directory::IssuerEntry;
use serde_json::Value;
use url::Url;

use super::discovery::Provider;
use super::error::SignInError;
use super::exchange::Tokens;
use super::web::Web;

/// Pages of 999 groups.
const MAX_PAGES: usize = 10;

/// The ids of all groups that the person is in, through other groups as well.
pub(super) async fn groups(
    web: &Web,
    entry: &IssuerEntry,
    provider: &Provider,
    tokens: &Tokens,
) -> Result<Vec<String>, SignInError> {
    let failed = |why: String| SignInError::Graph(why);
    let graph = provider.graph.as_deref();
    let graph = graph.ok_or_else(|| failed("the issuer does not say where it is".to_owned()))?;
    let token = tokens.access_token.as_ref();
    let token = token.ok_or_else(|| failed("the issuer gave no access token".to_owned()))?;
    let first = format!("{graph}/v1.0/me/transitiveMemberOf/microsoft.graph.group?$select=id&$top=999");
    let mut next = Url::parse(&first).map_err(|error| failed(error.to_string()))?;
    let (origin, mut groups) = (next.origin(), Vec::new());
    for _ in 0..MAX_PAGES {
        let page =
            web.get_with(entry.owner, &next, token).await.map_err(|error| failed(error.to_string()))?;
        let items = page.get("value").and_then(Value::as_array);
        let items = items.ok_or_else(|| failed("its answer lists no groups".to_owned()))?;
        groups.extend(items.iter().filter_map(|group| group.get("id")?.as_str()).map(str::to_owned));
        let Some(link) = page.get("@odata.nextLink").and_then(Value::as_str) else { return Ok(groups) };
        // The person's token goes nowhere else.
        let link = Url::parse(link).ok().filter(|link| link.origin() == origin);
        next = link.ok_or_else(|| failed("its next page is elsewhere".to_owned()))?;
    }
    Err(failed(format!("there are more than {MAX_PAGES} pages of groups")))
}
