//! Finds the profile that a lock belongs to, where the account is public (an app id, not a token): the account is in
//! the `.env` or the `config.yaml` of the profile, and its hash in the name of the lock file.
//!
//! hermes-agent 0.19, gateway/config.py: the variable wins over `platforms.NAME.extra.app_id`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::identity::hash_of_identity;
use super::{hermes_config, state_files};
use crate::files;
use crate::health::Platforms;
use crate::health::evidence::Lock;
use crate::profile::files::name_of;
use crate::profile::{Profile, homes};

/// Most profiles below a home whose configuration is read.
const MAX_PROFILES: usize = 64;

/// The profiles whose links one gateway may have: the one in whose home it runs, and those below it.
#[derive(Debug)]
pub(super) struct Accounts {
    name: String,
    home: PathBuf,
}

impl Accounts {
    pub(super) fn new(profile: &Profile) -> Self {
        Self { name: profile.name.clone(), home: profile.home.clone() }
    }

    /// Names the owner of each lock whose account is public.
    pub(super) fn name_owners(&self, locks: &mut [Lock]) {
        let platforms = Platforms::built_in();
        let public = |scope: &str| {
            let id = platforms.of_lock(scope)?;
            Some((id, platforms.rules(id).app_id.clone()?))
        };
        if !locks.iter().any(|lock| public(&lock.scope).is_some()) {
            return;
        }
        let homes = self.homes();
        for lock in locks {
            let Some((platform, variable)) = public(&lock.scope) else { continue };
            let is_owner =
                |home: &Path| hash_of(home, platform, &variable).is_some_and(|hash| *hash == *lock.id);
            lock.owner = homes.iter().find(|(_, home)| is_owner(home)).map(|(name, _)| name.clone());
        }
    }

    fn homes(&self) -> Vec<(String, PathBuf)> {
        let served = homes::profiles_below(&self.home).into_iter().take(MAX_PROFILES);
        let served = served.map(|home| (name_of(&home), home));
        std::iter::once((self.name.clone(), self.home.clone())).chain(served).collect()
    }
}

/// The hash of the account that this home's configuration names for a platform.
fn hash_of(home: &Path, platform: &str, variable: &str) -> Option<Arc<str>> {
    let read = |name: &str| files::read(&home.join(name), state_files::MAX_BYTES).ok();
    let by_variable = read(".env").and_then(|bytes| {
        let text = std::str::from_utf8(&bytes).ok()?;
        hermes_config::variable(text, variable)
            .filter(|id| !id.is_empty())
            .map(|id| hash_of_identity(id.as_bytes()))
    });
    by_variable.or_else(|| {
        hermes_config::app_id(&read("config.yaml")?, platform).map(|id| hash_of_identity(id.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_owner_of_a_public_account_is_the_profile_whose_configuration_names_it() {
        let home = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = home.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(".env", "FEISHU_APP_ID=cli_a\nTELEGRAM_BOT_TOKEN=1:x\n");
        write("profiles/work/.env", "export FEISHU_APP_ID='cli_b'\n");
        write("profiles/work/config.yaml", "platforms:\n  qqbot:\n    extra:\n      app_id: '102'\n");
        write("profiles/both/.env", "QQ_APP_ID=103\n");
        write("profiles/both/config.yaml", "platforms:\n  qqbot:\n    extra:\n      app_id: 104\n");
        let lock = |scope: &str, account: &str| Lock {
            scope: scope.to_owned(),
            id: hash_of_identity(account.as_bytes()).to_string(),
            pid: 7,
            owner: None,
        };
        let mut locks = [
            lock("feishu-app-id", "cli_a"),
            lock("feishu-app-id", "cli_b"),
            lock("feishu-app-id", "cli_of_nobody"),
            lock("qqbot-appid", "102"),
            lock("qqbot-appid", "103"),
            lock("qqbot-appid", "104"),
            lock("telegram-bot-token", "1:x"),
        ];
        let accounts = Accounts { name: "default".to_owned(), home: home.path().to_path_buf() };
        accounts.name_owners(&mut locks);
        let owners: Vec<_> = locks.iter().map(|lock| lock.owner.as_deref()).collect();
        // a token is not read; a variable wins over the configuration
        let expected = [Some("default"), Some("work"), None, Some("work"), Some("both"), None, None];
        assert_eq!(owners, expected);
    }
}
