import audit from "./audit.json";
import auth from "./auth.json";
import certificates from "./certificates.json";
import common from "./common.json";
import connect from "./connect.json";
import endpoints from "./endpoints.json";
import errors from "./errors.json";
import findings from "./findings.json";
import instances from "./instances.json";
import keks from "./keks.json";
import keyManagers from "./key-managers.json";
import learn from "./learn.json";
import members from "./members.json";
import overview from "./overview.json";
import permissions from "./permissions.json";
import profile from "./profile.json";
import settings from "./settings.json";
import shell from "./shell.json";
import tokens from "./tokens.json";
import wizard from "./wizard.json";

export default {
  audit,
  auth,
  certificates,
  common,
  connect,
  endpoints,
  errors,
  findings,
  instances,
  keks,
  keyManagers,
  learn,
  members,
  overview,
  permissions,
  profile,
  settings,
  shell,
  tokens,
  wizard,
};
