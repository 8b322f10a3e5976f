// Packets go forward. One that turns out to belong to the connection of another starts a connection of its own, and is
// judged again from where it came in; one whose policy is gone is judged again by the one that its port has now; one that
// a router sends to another router enters that one. These are the numbers of the tables where they begin anew, which
// cannot be imported from their files, as those lead to where it turns out.

/** Number of classify: for frames of local ports. */
export const CLASSIFY = 0

/** Number of l2_lookup: for frames from outside. */
export const L2_LOOKUP = 60

/** Number of router_admission: for packets that one router hands to the next. */
export const ROUTER_ADMISSION = 40

/** Number of receiver: for frames whose receiver is known. */
export const RECEIVER = 65
