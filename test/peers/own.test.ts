/** Our own emulators and fakes behave in all that MiniStack and moto are held to by `npm run test:peers`. */
import { holdToBehaviours } from "./suite.ts";

holdToBehaviours("own", null);
