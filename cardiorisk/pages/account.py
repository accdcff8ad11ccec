"""``/cuenta``: what an account is and has used, another plan, another password.

A new password ends every session, so this page then begins another one for its reader.
"""

from cardiorisk.errors import FieldFault, InvalidAccount, InvalidLogin
from cardiorisk.identity.forms import NEW_PASSWORD, PASSWORD, USERNAME, Login
from cardiorisk.limits.window import limit_of
from cardiorisk.pages.languages import marked
from cardiorisk.pages.session import HOME, SessionPage, SignedInPage
from cardiorisk.web.shapes_accounts import LoginBody, PasswordChangeBody

SOLD_PLANS = ("freemium", "premium")
DONE = {
    "plan": marked("The plan has been changed."),
    "mismo": marked("The account is on this plan already; nothing has changed."),
    "clave": marked("The password has been changed. Every other session has ended."),
}


class AccountPageHandler(SignedInPage, SessionPage):
    async def get(self) -> None:
        account, days = await self.services.accounts.view(self.principal)
        plans = self.services.settings.plans
        chosen = self.form.get("plan", "")  # in a form that was refused
        self.show(
            "account.html",
            account=account,
            limit=limit_of(account.plan, plans),
            used=self.services.limiter.used(account.account_id),
            days=days,
            plans={plan: plans[plan] for plan in SOLD_PLANS},
            chosen=chosen if chosen in SOLD_PLANS else account.plan,
            done=self.done(DONE),
        )

    head = get

    async def post(self) -> None:
        account, _ = await self.services.accounts.view(self.principal)
        action = self.form.pop("accion", "")
        # An empty password is asked for, and not counted as a wrong one.
        needed = (PASSWORD,) if action == "plan" else (PASSWORD, NEW_PASSWORD)
        if self.lacks(*needed, form=action):
            await self.get()
            return
        members = self.form | {USERNAME: account.name}
        try:
            if action == "plan":
                done = await self._change_plan(members, account.plan)
            else:
                done = await self._change_password(members)
        except InvalidLogin:
            self.refuse([FieldFault(PASSWORD, "")], action, marked("The password is wrong."))
            await self.get()
        except InvalidAccount as error:
            self.refuse(error.faults, action)
            await self.get()
        else:
            self.go(f"{HOME}?hecho={done}")

    async def _change_plan(self, members: dict[str, str], present: str) -> str:
        plan = members.pop("plan", "")
        login = LoginBody.accept(members).login
        if plan not in SOLD_PLANS:
            raise InvalidAccount((FieldFault("plan", f"must be one of {', '.join(SOLD_PLANS)}"),))
        await self.services.accounts.switch_plan(login, plan, self.address)
        return "mismo" if plan == present else "plan"

    async def _change_password(self, members: dict[str, str]) -> str:
        change = PasswordChangeBody.accept(members).change
        await self.services.accounts.change_password(change, self.address)
        await self.log_in(Login(change.login.username, change.new_password))
        return "clave"
