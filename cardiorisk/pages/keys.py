"""``/claves``: one's own keys, made, replaced and revoked by forms that need no scripts.

A key that was just made stands in the answer to the form and nowhere else, so it is no redirect.
"""

from datetime import timedelta

from cardiorisk.errors import Conflict, InvalidAccount
from cardiorisk.pages.languages import marked
from cardiorisk.pages.session import SignedInPage
from cardiorisk.store import rows_keys
from cardiorisk.store.values import MintedKey
from cardiorisk.web.shapes_accounts import KeyWishBody

DONE = {"revocada": marked("The key has been revoked.")}
GRACE = timedelta(hours=1)
"""How long an old key still works where its owner wants time to change over."""


class KeysPageHandler(SignedInPage):
    async def get(self) -> None:
        await self._list(done=self.done(DONE))

    head = get

    async def post(self) -> None:
        action, key_id = self.form.pop("accion", ""), self.form.pop("clave", "")
        accounts = self.services.accounts
        try:
            if action == "crear":
                wish = KeyWishBody.read_form(self.form)
                minted = await accounts.create_key(self.principal, wish.lifetime, wish.name)
            elif action in {"rotar", "rotar-hora"}:
                grace = GRACE if action == "rotar-hora" else timedelta()
                minted = (await accounts.rotate_key(self.principal, key_id, grace)).new
            else:
                await accounts.revoke_key(self.principal, key_id)
                self.go("claves?hecho=revocada")
                return
        except InvalidAccount as error:
            self.refuse(error.faults)
            await self._list()
        except Conflict:
            self.set_status(409)
            fault = marked("An account may have 20 active keys. Revoke one of them first.")
            await self._list(conflict=fault)
        else:
            self.form.clear()
            await self._list(minted=minted)

    async def _list(
        self, minted: MintedKey | None = None, done: str = "", conflict: str = ""
    ) -> None:
        account_id = self.principal.account_id
        keys = await self.services.store.read(lambda rows: rows_keys.list_keys(rows, account_id))
        now = self.services.accounts.now()
        newest_first = keys[::-1]
        self.show(
            "keys.html",
            active=[key for key in newest_first if key.status(now) == "active"],
            ended=[key for key in newest_first if key.status(now) != "active"],
            minted=minted,
            done=done,
            conflict=conflict,
        )
