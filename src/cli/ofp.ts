import { Command } from 'commander'
export const ofpCommand = (): Command => new Command('ofp')
